// Package browsertest holds the kit against a real browser: that redirects stay
// where package redirect says they stay, that cookies are kept or dropped as
// package cookies predicts, that a form ends up on the page it should, and that
// an EventSource loses nothing when its connection does. The last it does with
// the EventSources of npm, Go and Python too. The client that package typescript
// writes runs in Node and in a page, and the documents of the recipe compose/openapi
// are read by a validator and by openapi-typescript.
//
// Its tests drive headless Chromium, from the Debian package of that name, and skip
// if there is none, unless the environment variable APIECE_REQUIRE names chromium.
// Likewise one has nginx in front of the service, from the package nginx-light, and
// some ask packages of npm, which "npm ci" installs in testdata/node; if the
// variable names node, the test does that. Python has to have httpx-sse.
// All traffic ends on the loopback interface: the browser resolves every host to
// the test's own server.
//
// The module is separate so that the driver does not become a dependency of the kit.
package browsertest
