// Package torture puts the whole kit through what can go wrong, by chance and by
// intent. It has no code, only tests.
//
// One table lists the pieces, each with a request and the answer to it
// (pieces_test.go). One oracle says what must not be, whatever goes wrong
// (oracle_test.go): a response that looks whole and is not; a client's fault that is
// not answered with 400 to 499, or leaves a record; a fault of the server that is not
// answered with 500 to 599, or does not leave exactly one; a panic other than
// http.ErrAbortHandler in net/http; a write after the handler has returned; a
// goroutine, a descriptor or a file that is left behind; more memory than the
// bounds make; and a next request that is not answered as usual.
//
// Two drivers ask it. In the files faults_*, every piece goes through every fault
// that its surroundings can have: the client, the body, the writer, the handler, hooks,
// the context, the disk, descriptors, memory, the clock, the network, a
// shutdown. Most of that runs in bubbles of testing/synctest, over a real
// http.Server on connections in memory: there a client that sends a byte a second
// takes no time, and a deadline is exact. In the files hostile_*, a service made of
// every piece runs in a process of its own, and is sent what attackers send, byte for
// byte, over HTTP/1.1 and HTTP/2; with -long also with GOMEMLIMIT=64MiB. After each
// attack an honest client is served, and one of the table's pieces answers.
// TestSoak mixes attacks into honest traffic, for as long as -soak says.
//
// Both also go through handlers that are written without the kit, the way that
// tutorials do, and have to find what is wrong with them: a suite that cannot fail
// proves nothing.
package torture
