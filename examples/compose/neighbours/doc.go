// Package neighbours asks what the libraries of the other recipes take away
// from the handlers behind them: package middlewaretest of the kit, run over
// each of them alone, outside of the kit's pieces and inside.
//
// What is known to be taken away is data in the test, with the reason. A failure
// that is not in it fails the test, and so does one that has disappeared. The
// table in the README of this module is written from the same data.
//
// [HandBack] is the remedy for the one that matters most.
package neighbours
