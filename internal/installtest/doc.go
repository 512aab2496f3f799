// Package installtest releases the kit in a temporary repository and then does
// what the pages tell a newcomer to do: install it in an empty folder, run the
// first program, call it, and read the routes of a Next.js project.
//
// What is released is the working tree, with what is not committed yet, by the
// script that releases the kit. It is a module of its own, so that the tests of
// the root stay quick and need no module proxy: "go mod tidy" may ask the one
// of the machine for what its module cache lacks. The go command does not see
// that these tests depend on files outside of their module; give it -count=1.
package installtest
