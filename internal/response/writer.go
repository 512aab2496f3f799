// Package response has the only http.ResponseWriter wrapper of this module.
//
// A wrapper that hides methods breaks code far away: without io.ReaderFrom there is no
// sendfile, without http.Hijacker no WebSocket, without http.Flusher no stream. One
// that shows more than it has breaks code that probes. A [Writer] therefore has one of
// three method sets, chosen by what an [http.ResponseController] could reach below it:
//
//	HTTP/1   http.Flusher, http.Hijacker, io.ReaderFrom
//	HTTP/2   http.Flusher
//	plain    neither, for writers that can do no more
//
// All three have io.StringWriter, FlushError and Unwrap. The types with these method
// sets hold only the pointer to the Writer, so they need no allocation of their own.
//
// Adjacent layers share one Writer: [Wrap] joins if w itself is one. Inside a
// foreign wrapper it wraps again. Joining through Unwrap would bypass the wrappers in
// between: buffers, compressors, byte counters.
package response

import (
	"net/http"
	"sync/atomic"
)

// A Writer watches one response: whether and how it was committed, how many bytes of
// body the handler wrote, whether the connection was hijacked. Create it with [Wrap],
// or embed it and call [Writer.Init]. With a [Guard] the response can be taken away
// from the handler.
//
// What layers outside pass to those inside (hooks and loggers) is not here, but in the
// node of package exchange.
type Writer struct {
	inner    http.ResponseWriter
	request  *http.Request // of the layer that made the Writer
	guard    *Guard        // nil without one
	n        int64         // bytes of body, held or passed on
	declared int64         // Content-Length at the commit, -1 if none
	status   int32         // 0 until the final header is fixed
	flushes  bool          // a writer below can flush
	implicit bool          // committed by a write: the server sets status and type
	noBody   bool          // the response has no body on the wire: HEAD, 204, 304
	hijacked bool          // without a guard; with one the phase says it
	answered bool          // complete, see MarkAnswered
	stream   atomic.Bool   // no limit on time or size applies
	rejected atomic.Bool   // by the budget, which has responded
	onCommit func(status int)

	// Layers further in remove budgets, with a guard in between perhaps from another
	// goroutine.
	budget        atomic.Pointer[Budget]
	budgetRequest *http.Request // the request of the layer that set the budget
}

// Wrap returns the Writer that watches w, and the ResponseWriter to use in place of w.
// If w already has a Writer, that is w and its Writer.
func Wrap(w http.ResponseWriter, r *http.Request) (*Writer, http.ResponseWriter) {
	if rw, ok := Of(w); ok {
		return rw, w
	}
	rw := new(Writer)
	return rw, rw.Init(w, r)
}

// Of returns the Writer of w if w itself is one, with any of the method sets; it looks
// no further.
func Of(w http.ResponseWriter) (*Writer, bool) {
	switch w := w.(type) {
	case http1:
		return w.Writer, true
	case http2:
		return w.Writer, true
	case *Writer:
		return w, true
	}
	return nil, false
}

// Init makes rw watch w and returns rw, with the right method set, to use in place of
// w.
func (rw *Writer) Init(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	rw.inner, rw.request = w, r
	rw.declared = -1
	rw.noBody = r.Method == http.MethodHead
	flush, hijack := reach(w)
	rw.flushes = flush
	switch {
	case hijack && r.ProtoMajor < 2: // a foreign writer may have the method, which fails there
		return http1{rw}
	case flush:
		return http2{rw}
	}
	return rw
}

// Flushes reports whether a writer below can flush: otherwise a small response is sent
// only when the handler of the server has returned.
func (rw *Writer) Flushes() bool { return rw.flushes }

// Status returns the status that the handler committed, 0 before that.
func (rw *Writer) Status() int { return int(rw.status) }

// Written returns the number of body bytes so far.
func (rw *Writer) Written() int64 { return rw.n }

// BeforeCommit has f run once, just before the final header is fixed, with its status;
// f may change the header and must not write. Functions run in the reverse order of
// their registration: the innermost layer first.
func (rw *Writer) BeforeCommit(f func(status int)) {
	earlier := rw.onCommit
	if earlier == nil {
		rw.onCommit = f
		return
	}
	rw.onCommit = func(status int) { f(status); earlier(status) }
}

// Unwrap returns the writer below, for http.ResponseController. Every method that a
// controller looks for is defined here, so it stops at the Writer.
func (rw *Writer) Unwrap() http.ResponseWriter { return rw.inner }
