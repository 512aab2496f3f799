// Package torture tests the whole module against faults, accidental and hostile. It has
// no code, only tests.
//
// One table lists the pieces, each with a request and its response (pieces_test.go).
// One oracle says what must not happen, whatever goes wrong (oracle_test.go): a
// response that looks complete and is not; a client error that does not get 400 to 499,
// or leaves a log record; a server error that does not get 500 to 599, or does not
// leave exactly one record; a panic other than http.ErrAbortHandler in net/http; a
// write after the handler has returned; a leaked goroutine, descriptor or file; more
// memory than the limits allow; and a next request without its usual response.
//
// Two drivers use it. In the files faults_*, every piece meets every fault of its
// surroundings: the client, the body, the writer, the handler, hooks, the context, the
// disk, descriptors, memory, the clock, the network, a shutdown. Most of that runs in
// bubbles of testing/synctest, over a real http.Server on in-memory connections: there
// a client that sends a byte a second takes no time, and a deadline is exact. In the
// files hostile_*, a service made of every piece runs in a process of its own, and gets
// the bytes that attackers send, over HTTP/1.1 and HTTP/2; with -long also with
// GOMEMLIMIT=64MiB. After each attack an honest client is served, and one of the pieces
// responds. TestSoak mixes attacks into honest traffic, for as long as -soak says.
//
// Both also run against handlers that are written without this module, as in tutorials,
// and have to find their faults: a suite that cannot fail proves nothing.
package torture
