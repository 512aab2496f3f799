// Package conformance holds the kit as a whole to what a running Next.js was
// seen to do. It has tests only.
//
// Each case of testdata/api-behaviour.json is a request that was sent to
// Next.js, the handler that it met there as a list of operations, and what came
// back. The tests run the same operations with the pieces of this module in
// place of what Next.js offers, behind one real server, and send the request
// byte for byte; then once more over HTTP/2 and through a recorder.
//
// Every case has an outcome that is written down. Where ours is not the recorded
// one, testdata/instead.json holds the parts that differ, beside the reason; and
// if every port has to do as recorded, testdata/deviations.json has to name the
// decision of docs/decisions.md for the difference, part by part.
package conformance
