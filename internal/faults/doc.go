// Package faults puts every piece of the kit that reads or writes through
// every fault that its surroundings can have.
//
// It has no code, only tests. One table lists the pieces, each with a request
// and the answer to it; one table for each group of faults lists what goes
// wrong: the client, the body, the response writer, the handler, its hooks, the
// context, the disk, the descriptors, the memory, the clock, the network, the server
// that shuts down. All pieces go through all faults. A fault does not say what
// the answer of each piece is to it, but which kinds of outcome it may have; a
// few exceptions are listed with their reasons.
//
// What holds for every outcome is in one place, and is the point of it all: no
// response looks whole that is not; what is the client's fault is answered with
// a status of 400 and up, and leaves nothing in the log; what is the server's
// with one of 500 and up, and leaves one record; no panic but
// http.ErrAbortHandler reaches net/http; nobody writes once the handler has
// returned; no goroutine is left; and the next request, on the same connection
// if it is still open, is answered as if nothing had been. The same is asked of
// handlers that are written without the kit, to see that the questions can be
// answered with no.
//
// Most of it runs in bubbles of testing/synctest, over a real http.Server on
// connections that are kept in memory: there a client that sends a byte a
// second takes no time, and a deadline is exact.
package faults
