// Package installtest releases this module in a temporary repository and follows the
// pages for newcomers: install it in an empty folder, run the first program, call it,
// and read the routes of a Next.js project.
//
// It releases the working tree, with uncommitted changes, using the release script. It
// is a separate module, so that the tests of the root stay fast and need no module
// proxy: "go mod tidy" may ask the configured proxy for modules that the module cache
// lacks. The go command does not see that these tests depend on files outside of their
// module; run them with -count=1.
package installtest
