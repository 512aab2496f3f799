// Package conformance compares this module with the recorded behavior of a running
// Next.js. It has only tests.
//
// Each case of testdata/api-behaviour.json is a request that was sent to Next.js, the
// handler there as a list of operations, and the response. The tests run the same
// operations with the packages of this module, on a real server, and send the same
// bytes; then again over HTTP/2 and through a recorder.
//
// Every case has an expected outcome. Where ours is not the recorded one,
// testdata/instead.json has the parts that differ, with the reason; and if every port
// has to match the recording, testdata/deviations.json must name the decision of
// docs/decisions.md for the difference, part by part.
package conformance
