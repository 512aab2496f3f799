// Package browsertest tests this module with a real browser: that redirects go where
// package redirect says, that cookies are kept or dropped as package cookies predicts,
// that a form ends on the right page, and that an EventSource loses no event when its
// connection breaks. The last also runs with EventSource clients for Node, Go and
// Python. The client that package typescript generates runs in Node and in a page, and
// a validator and openapi-typescript read the documents of the recipe compose/openapi.
//
// The tests drive headless Chromium, from the Debian package of that name, and skip
// without it, unless the environment variable APIECE_REQUIRE names chromium. Likewise
// one test has nginx in front of the service, from the package nginx-light, and some
// need npm packages, which "npm ci" installs in testdata/node; if the variable names
// node, the test does that. Python needs httpx-sse. All traffic ends on the loopback
// interface: the browser resolves every host to the test's own server.
//
// This is a separate module so that the driver does not become a dependency.
package browsertest
