// Package response has the only http.ResponseWriter wrapper of this module.
//
// A wrapper that hides methods breaks code far away: without io.ReaderFrom there is no
// sendfile, without http.Hijacker no WebSocket, without http.Flusher no stream. One
// that shows more than it has breaks code that probes. A [Writer] therefore comes in
// three shapes, chosen by what an [http.ResponseController] could reach below it:
//
//	HTTP/1   http.Flusher, http.Hijacker, io.ReaderFrom
//	HTTP/2   http.Flusher
//	plain    neither, for writers that can do no more
//
// All three have io.StringWriter, FlushError and Unwrap. The shapes hold only the
// pointer to the Writer, so they need no allocation of their own.
//
// Adjacent layers share one Writer: [Wrap] joins if w itself is a shape. Inside a
// foreign wrapper it wraps again. Joining through Unwrap would bypass the wrappers in
// between: buffers, compressors, byte counters.
package response

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// ErrTooLarge is returned by writes after a limit has rejected the response.
var ErrTooLarge = errors.New("apiece: response exceeds its limit")

// A Writer watches one response: whether and how it was committed, how many bytes of
// body the handler wrote, whether the connection was hijacked. Create it with [Wrap],
// or embed it and call [Writer.Init]. With a [Fence] the response can be taken away
// from the handler.
//
// What layers outside pass to those inside (hooks and loggers) is not here, but in the
// node of package exchange.
type Writer struct {
	inner    http.ResponseWriter
	request  *http.Request // of the layer that made the Writer
	fence    *Fence        // nil without one
	n        int64         // bytes of body, held or passed on
	declared int64         // Content-Length at the commit, -1 if none
	status   int32         // 0 until the final header is fixed
	flushes  bool          // a writer below can flush
	implicit bool          // committed by a write: the server sets status and type
	noBody   bool          // the response has no body on the wire: HEAD, 204, 304
	hijacked bool          // without a fence; with one the phase says it
	answered bool          // complete, see MarkAnswered
	stream   atomic.Bool   // no limit on time or size applies
	refused  atomic.Bool   // by the budget, which has responded
	onCommit func(status int)

	// Layers further in remove budgets, with a fence in between perhaps from another
	// goroutine.
	budget atomic.Pointer[Budget]
	asker  *http.Request // the request of the layer that set the budget
}

// Wrap returns the Writer that watches w, and the ResponseWriter to use in place of w.
// If w is already a shape, that is w and its Writer.
func Wrap(w http.ResponseWriter, r *http.Request) (*Writer, http.ResponseWriter) {
	if rw, ok := Of(w); ok {
		return rw, w
	}
	rw := new(Writer)
	return rw, rw.Init(w, r)
}

// Of returns the Writer of w if w is a shape; it looks no further.
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

// Below returns the writer that w wraps: the one below a Writer, or the result of its
// Unwrap method, nil without one. Every search on the way to the server uses it, past a
// fence only between enter and leave: after a response was taken, the writers outside
// may serve another request.
func Below(w http.ResponseWriter) http.ResponseWriter {
	if rw, ok := Of(w); ok {
		return rw.inner
	}
	if u, ok := w.(interface{ Unwrap() http.ResponseWriter }); ok {
		return u.Unwrap()
	}
	return nil
}

// Find returns the first T between w and the nearest fence.
func Find[T any](w http.ResponseWriter) (t T, ok bool) {
	for ; w != nil; w = Below(w) {
		if t, ok = w.(T); ok {
			return t, true
		}
		if rw, ok := Of(w); ok && rw.fence != nil {
			break
		}
	}
	return t, false
}

// all calls visit for the Writers from w to the server, until it returns false. It
// reports whether it met a fence whose response was taken, or is about to be.
func all(w http.ResponseWriter, visit func(*Writer) bool) (late bool) {
	for ; w != nil; w = Below(w) {
		rw, ok := Of(w)
		if !ok {
			continue
		}
		if !visit(rw) {
			return false
		}
		if rw.fence != nil {
			return rw.beyond(visit)
		}
	}
	return false
}

// beyond is all for the Writers outside of the fence. A defer in the loop would be
// allocated.
func (rw *Writer) beyond(visit func(*Writer) bool) (late bool) {
	if _, err := rw.enter(Open); err != nil {
		return rw.fence.Look().Late()
	}
	defer rw.leave()
	return all(rw.inner, visit)
}

// Stream marks the response to w as a stream, exempt from limits on time and size, for
// every Writer between w and the server.
func Stream(w http.ResponseWriter) {
	all(w, func(rw *Writer) bool {
		rw.stream.Store(true)
		return true
	})
}

// Lift removes the budgets of all Writers between w and the server, for a layer further
// in that has its own.
func Lift(w http.ResponseWriter) {
	all(w, func(rw *Writer) bool {
		if rw.budget.Load() != nil {
			rw.budget.Store(nil)
		}
		return true
	})
}

// Lost reports whether a layer outside has taken the response to w, or a limit has
// rejected it: it was answered, and writes to w have no effect.
func Lost(w http.ResponseWriter) bool {
	refused := false
	late := all(w, func(rw *Writer) bool {
		refused = rw.refused.Load()
		return !refused
	})
	return refused || late
}

// TakenAway reports whether a layer with a fence has taken the response to w, or is
// about to.
func TakenAway(w http.ResponseWriter) bool {
	return all(w, func(*Writer) bool { return true })
}

// A Standing says what can still be done about a response whose handler has failed.
type Standing int

const (
	Free  Standing = iota // nothing is sent: another response is possible
	Part                  // part of it is sent: it can only be cut
	Whole                 // all of it is sent, or the handler owns the connection
	Gone                  // it is lost, and was answered
)

// Standing checks everything once, in the only order that a fence leaves no gap in: a
// response that counts as sent may have been taken since, and no state is ever undone.
func (rw *Writer) Standing() Standing {
	switch sent := rw.Sent(); {
	case Lost(rw):
		return Gone
	case !sent:
		return Free
	case rw.Complete() || rw.Hijacked():
		return Whole
	}
	return Part
}

// Out reports whether it is too late for another response to w, as far as the Writers
// up to the first fence know: it was sent in part, hijacked, or taken.
func Out(w http.ResponseWriter) bool {
	for ; w != nil; w = Below(w) {
		if rw, ok := Of(w); ok {
			if rw.Sent() || rw.lost() != nil {
				return true
			}
			if rw.fence != nil {
				break
			}
		}
	}
	return false
}

// MarkAnswered marks the response to w as complete for the Writers up to the first
// fence, whatever error is returned after it.
func MarkAnswered(w http.ResponseWriter) {
	for ; w != nil; w = Below(w) {
		if rw, ok := Of(w); ok {
			rw.answered = true
			if rw.fence != nil {
				return
			}
		}
	}
}

// Answered reports whether the response was marked by [MarkAnswered].
func (rw *Writer) Answered() bool { return rw.answered }

// Init makes rw watch w and returns the shape to use in place of w.
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

// reach reports what an http.ResponseController would find in w. An Unwrap method means
// that optional methods may bypass the wrapper. A Writer already knows.
func reach(w http.ResponseWriter) (flush, hijack bool) {
	for ; w != nil; w = Below(w) {
		if rw, ok := Of(w); ok {
			_, http1 := w.(http1)
			return flush || rw.flushes, hijack || http1
		}
		switch w.(type) {
		case http.Flusher, interface{ FlushError() error }:
			flush = true
		}
		if _, ok := w.(http.Hijacker); ok {
			hijack = true
		}
	}
	return flush, hijack
}

// Flushes reports whether a writer below can flush: otherwise a small response is sent
// only when the handler of the server has returned.
func (rw *Writer) Flushes() bool { return rw.flushes }

// Status returns the status that the handler committed, 0 before that.
func (rw *Writer) Status() int { return int(rw.status) }

// Written returns the number of body bytes so far.
func (rw *Writer) Written() int64 { return rw.n }

// Committed reports whether status and header are fixed, or no longer the handler's.
func (rw *Writer) Committed() bool { return rw.status != 0 || rw.lost() != nil }

// Sent reports whether the server has part of the handler's response, so that it is too
// late for another. With a fence the start of a response is held back after the commit.
// Of one that was taken nothing was sent: code that responds in its place gets an
// error, and need not check first.
func (rw *Writer) Sent() bool {
	if rw.fence == nil {
		return rw.status != 0 || rw.hijacked
	}
	p := rw.fence.Look().Phase()
	return p >= Sent && p != Taken
}

// Hijacked reports whether the connection was hijacked.
func (rw *Writer) Hijacked() bool {
	return rw.hijacked || rw.fence != nil && rw.fence.Look().Phase() == Foreign
}

// Complete reports whether the client has, or will have once the handler returns, the
// complete response: every byte of its Content-Length, or one without a body.
func (rw *Writer) Complete() bool {
	return rw.status != 0 && (rw.noBody || rw.declared == rw.n)
}

// lost returns the error of calls that have no effect any more, nil while they have.
func (rw *Writer) lost() error {
	switch {
	case rw.refused.Load():
		return ErrTooLarge
	case rw.hijacked:
		return http.ErrHijacked
	case rw.fence == nil:
		return nil
	}
	return rw.fence.lost()
}

func (f *Fence) lost() error {
	switch l := f.Look(); {
	case handlers(l.word):
		return nil
	case l.Phase() == Foreign:
		return http.ErrHijacked
	}
	return http.ErrHandlerTimeout
}

// Streaming reports whether the response is a stream.
func (rw *Writer) Streaming() bool { return rw.stream.Load() }

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
