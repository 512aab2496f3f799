// Package respw is the one http.ResponseWriter wrapper of the kit.
//
// A wrapper that hides what it wraps breaks things far from where it stands:
// sendfile is lost without io.ReaderFrom, websockets without http.Hijacker,
// streams without http.Flusher. One that shows more than it has breaks
// whoever probes. A [Writer] therefore comes in three shapes, chosen by what
// an [http.ResponseController] could reach below it:
//
//	HTTP/1   http.Flusher, http.Hijacker, io.ReaderFrom
//	HTTP/2   http.Flusher
//	plain    neither, for writers that can do no more
//
// All three have io.StringWriter, FlushError and Unwrap. The shapes are values
// that hold nothing but the pointer to the Writer, so they cost no allocation
// of their own.
//
// Layers of the kit that stand next to each other share one Writer: [Wrap]
// joins when w itself is a shape. Behind a foreign wrapper it wraps again.
// Joining through Unwrap would write past whatever stands between: buffers,
// compressors, byte counters.
package respw

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// ErrTooLarge is what writes return once a limit has refused the response.
var ErrTooLarge = errors.New("apiece: response exceeds its limit")

// A Writer watches one response: whether and how it was committed, how many
// bytes of body the handler wrote, whether the connection was taken over.
// Make one with [Wrap], or embed it and call [Writer.Init].
//
// Like any ResponseWriter it is for one goroutine at a time, unless fenced
// (see [Writer.Fence]).
type Writer struct {
	inner    http.ResponseWriter
	n        int64       // bytes of body passed on
	declared int64       // Content-Length at the commit, -1 if none
	status   int32       // 0 until the final header is committed
	stream   atomic.Bool // no limit on time or size applies
	noBody   bool        // the response has no body on the wire: HEAD, 204, 304
	hijacked bool        // changed with both locks held
	dead     death       // the response was taken away
	onCommit func(status int)

	// OnError is how whoever has wrapped the writer answers errors, nil if it has
	// no say in that: for what it calls that answers some by itself.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Layers further in take budgets away, perhaps from another goroutine if
	// a fence stands between.
	budget atomic.Pointer[Budget]
	asker  *http.Request // the request of the layer that set the budget

	fence
}

// A death is why nothing can be written any more.
type death uint8

const (
	alive death = iota
	timedOut
	tooLarge
)

func (d death) err() error {
	switch d {
	case timedOut:
		return http.ErrHandlerTimeout
	case tooLarge:
		return ErrTooLarge
	}
	return nil
}

// Wrap returns the Writer that watches w, and the ResponseWriter to hand on in
// place of w. If w is a shape already, that is w and its Writer.
func Wrap(w http.ResponseWriter, r *http.Request) (*Writer, http.ResponseWriter) {
	if rw, ok := Of(w); ok {
		return rw, w
	}
	rw := new(Writer)
	return rw, rw.Init(w, r)
}

// Of returns the Writer behind w if w is a shape; it does not look further.
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

// Each calls f with every Writer between w and the server, the nearest first,
// walking through foreign wrappers by their Unwrap method. It is for changing
// what the layers outside know about a response (a stream has begun), never
// for writing to it.
func Each(w http.ResponseWriter, f func(*Writer)) {
	for {
		if rw, ok := Of(w); ok {
			f(rw)
			w = rw.inner
			continue
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = u.Unwrap()
	}
}

// OnError returns the OnError of the nearest Writer between w and the server
// that has one, or nil.
func OnError(w http.ResponseWriter) (hook func(http.ResponseWriter, *http.Request, error)) {
	Each(w, func(rw *Writer) {
		if hook == nil {
			hook = rw.OnError
		}
	})
	return hook
}

// Out reports whether any Writer between w and the server knows that it is too
// late for another answer.
func Out(w http.ResponseWriter) (out bool) {
	Each(w, func(rw *Writer) { out = out || rw.Committed() })
	return out
}

// Init makes rw watch w and returns the shape to hand on.
func (rw *Writer) Init(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	rw.inner = w
	rw.declared = -1
	rw.noBody = r.Method == http.MethodHead
	flush, hijack := reach(w)
	switch {
	case hijack:
		return http1{rw}
	case flush:
		return http2{rw}
	}
	return rw
}

// reach reports what an http.ResponseController given w would find. A wrapper
// with an Unwrap method says by it that optional methods may go past it.
func reach(w http.ResponseWriter) (flush, hijack bool) {
	for {
		switch t := w.(type) {
		case *Writer:
			w = t.inner // it has FlushError whatever is below
			continue
		case http.Flusher, interface{ FlushError() error }:
			flush = true
		}
		if _, ok := w.(http.Hijacker); ok {
			return true, true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return flush, false
		}
		w = u.Unwrap()
	}
}

// Status returns the status that was committed, 0 before that.
func (rw *Writer) Status() int {
	rw.lock()
	defer rw.unlock()
	return int(rw.status)
}

// Written returns the number of body bytes so far.
func (rw *Writer) Written() int64 {
	rw.lock()
	defer rw.unlock()
	return rw.n
}

// Committed reports whether it is too late for another answer: the final
// header is out, the connection was taken over, or the response was taken away
// from the handler.
func (rw *Writer) Committed() bool {
	rw.lock()
	defer rw.unlock()
	return rw.status != 0 || rw.hijacked || rw.dead != alive
}

// Hijacked reports whether the connection has been taken over. It does not wait
// for a write.
func (rw *Writer) Hijacked() bool {
	rw.quick.Lock()
	defer rw.quick.Unlock()
	return rw.hijacked
}

// Complete reports whether the client has, or will have once the handler
// returns, a response that is whole: every byte of its Content-Length, or one
// without a body.
func (rw *Writer) Complete() bool {
	rw.lock()
	defer rw.unlock()
	return rw.complete()
}

func (rw *Writer) complete() bool {
	return rw.status != 0 && (rw.noBody || rw.declared == rw.n)
}

// Streaming reports whether the response is a stream, to which limits on time
// and size do not apply.
func (rw *Writer) Streaming() bool { return rw.stream.Load() }

// Stream declares the response a stream.
func (rw *Writer) Stream() { rw.stream.Store(true) }

// BeforeCommit has f run once, just before the final header goes out, with its
// status; f may change the header and must not write. Functions run in the
// reverse order of their registration: the layer nearest to the handler first.
func (rw *Writer) BeforeCommit(f func(status int)) {
	rw.lock()
	defer rw.unlock()
	earlier := rw.onCommit
	if earlier == nil {
		rw.onCommit = f
		return
	}
	rw.onCommit = func(status int) { f(status); earlier(status) }
}

// A Budget bounds the size of responses. One serves any number of requests.
type Budget struct {
	// Max is the number of bytes that may pass; 0 or less is no bound.
	Max int64

	// Exceeded, if not nil, runs in place of the write that would pass Max, or
	// of the commit that declares more, with the size that was asked for. It
	// writes another answer to w, which is below the Writer, unless the header
	// is out, or panics. If it returns, that write and all later calls fail with
	// [ErrTooLarge]. If it is nil, everything passes, and whoever set the
	// budget compares [Writer.Written] afterwards.
	Exceeded func(w http.ResponseWriter, r *http.Request, onError func(http.ResponseWriter, *http.Request, error), size int64, committed bool)
}

// SetBudget puts b in charge of rw, in place of the budget that was: the layer
// nearest to the handler decides. It is given r if the budget is exceeded. A nil
// budget is none. Streams are exempt from any.
func (rw *Writer) SetBudget(b *Budget, r *http.Request) {
	rw.asker = r
	rw.budget.Store(b)
}

// Lift takes away the budget of rw, for a layer further in that has its own.
func (rw *Writer) Lift() {
	if rw.budget.Load() != nil {
		rw.budget.Store(nil)
	}
}

// Budget returns the budget in charge, nil if there is none.
func (rw *Writer) Budget() *Budget { return rw.budget.Load() }

// Unwrap returns the writer below, for http.ResponseController. Every method
// that a controller looks for is defined here, so it stops at the Writer.
func (rw *Writer) Unwrap() http.ResponseWriter { return rw.inner }
