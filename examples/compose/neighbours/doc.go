// Package neighbours checks what the libraries of the other recipes hide from the
// handlers inside them: it runs package middlewaretest on each of them alone, outside
// the kit's pieces and inside.
//
// The known failures are data in the test, with the reason. A new failure fails the
// test, and so does one that has disappeared. The table in the README of this module
// has the same data.
//
// [HandBack] fixes the most important one.
package neighbours
