package response

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Guard decides whether the handler or a timeout may use the server's writer, so that
// a response can be taken from a handler that is still running. It has a [Phase], a
// header of the handler's own, and the start of the body, which is held back.
//
// Ownership:
//   - header, body, and the counts of the Writer belong to the handler's goroutine,
//     without synchronization: all of it is in memory;
//   - the server's writer is used only between enter and leave, by the handler; and by
//     the Owner that has taken the response, once no call is inside;
//   - the server's header is changed only inside, too.
//
// As in net/http, only one goroutine at a time writes a response. Any goroutine may set
// deadlines. A header is fixed at the commit, but its values are shared until it is
// sent: a handler that changes one in place changes the response.
type Guard struct {
	// Context, if not nil, is the handler's: it ends when the response is taken, for
	// CloseNotify.
	Context context.Context

	state
	owner    Owner
	header   http.Header       // the handler's, nil until it calls Header
	base     []field           // the server's header before it was filled, not nil since
	buffer   *[bufferSize]byte // holds the start of the body
	progress atomic.Int64
}

// An Owner is told by the last call to leave that the response is Taken.
type Owner interface{ Taken(was Phase) }

// bufferSize is how much of a body is held back until the handler flushes or returns.
// net/http sends nothing earlier either.
const bufferSize = 2048

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// Guard lets g decide which goroutine may use the writer below rw. Call it before the
// handler runs, and [Writer.Settle] after.
func (rw *Writer) Guard(g *Guard, owner Owner) {
	rw.guard, g.owner = g, owner
}

// enter begins a call into the server's writer that takes the phase to at least p.
// Without a guard it always succeeds.
func (rw *Writer) enter(p Phase) (from Phase, err error) {
	if rw.guard == nil {
		return Sent, nil
	}
	from, ok := rw.guard.enter(p)
	if !ok {
		return from, rw.guard.lost()
	}
	return from, nil
}

// leave ends a call. If the deadline passed meanwhile, the owner of the guard is told
// on a goroutine of its own: the handler may hold locks that its hooks need.
func (rw *Writer) leave() {
	if rw.guard == nil {
		return
	}
	if was, takes := rw.guard.leave(); takes {
		go rw.guard.owner.Taken(was)
	}
}

// lost returns the error of calls by a handler that has lost the response, nil while it
// has it.
func (g *Guard) lost() error {
	switch l := g.Look(); {
	case handlers(l.word):
		return nil
	case l.Phase() == Foreign:
		return http.ErrHijacked
	}
	return http.ErrHandlerTimeout
}

// Moved records that the deadline was moved, and reports whether the response still
// belonged to the handler.
func (g *Guard) Moved() bool {
	for {
		l := g.Look()
		if l.Over() {
			return l.Phase() == Foreign // a hijacked connection has no deadline to move
		}
		if g.move(l) {
			return true
		}
	}
}

// Progress grows as the handler writes, and is positive once it commits.
func (g *Guard) Progress() int64 { return g.progress.Load() }

// Grace is how long the client may take to receive the few hundred bytes of an error
// response, and how long a write in progress may take to end.
const Grace = time.Second

// Hurry unblocks a call that is stuck in a write, by moving the write deadline to d
// from now, and ends the timer's own call.
func (rw *Writer) Hurry(d time.Duration) {
	defer rw.leave()
	Safely(func() { _ = http.NewResponseController(rw.inner).SetWriteDeadline(time.Now().Add(d)) })
}

// Settle ends the handler's part. It fails if the response was taken or is about to be,
// and then the Owner is told. Until [Writer.Finish] the server's writer is not used.
func (rw *Writer) Settle() (was Phase, ok bool) { return rw.guard.settle() }

// Finish is called by the goroutine of the server after the handler has settled. If the
// handler has returned, it sends the bytes held back, and copies trailers that were set
// after the commit. Otherwise a panic is in progress, and the layer that recovers it
// finds the server's header unchanged. An error is that of a write that had succeeded
// for the handler.
func (rw *Writer) Finish(was Phase, returned bool) (err error) {
	g := rw.guard
	switch {
	case !returned:
		g.restore(rw.inner, was)
		g.release()
		return nil
	case was == Open:
		g.fill(rw.inner)
	case was == Held:
		err = rw.send()
	}
	if was == Held || was == Sent {
		CopyTrailers(rw.inner.Header(), g.header)
	}
	return err
}

// Restore restores the server's header for another response, after the response was
// taken in the phase was.
func (rw *Writer) Restore(was Phase) { rw.guard.restore(rw.inner, was) }

// fill copies the handler's header to the server's.
func (g *Guard) fill(inner http.ResponseWriter) {
	if g.header == nil {
		return
	}
	h := inner.Header()
	g.keep(h)
	replace(h, g.header)
}

// A field is a header field.
type field struct {
	name   string
	values []string
}

// keep saves the server's header for restore: mostly the few fields of layers outside,
// for which a map would take ten times the memory.
func (g *Guard) keep(h http.Header) {
	if g.base != nil {
		return
	}
	g.base = make([]field, 0, len(h))
	for name, values := range h {
		g.base = append(g.base, field{name, values})
	}
}

// restore undoes fill, unless something was sent.
func (g *Guard) restore(inner http.ResponseWriter, was Phase) {
	if g.base == nil || was > Held {
		return
	}
	h := inner.Header()
	clear(h)
	for _, kept := range g.base {
		h[kept.name] = kept.values
	}
}

// hold keeps p if it fits after the first n bytes.
func hold[T string | []byte](g *Guard, n int64, p T) bool {
	if n+int64(len(p)) > bufferSize {
		return false
	}
	if g.buffer == nil {
		g.buffer = buffers.Get().(*[bufferSize]byte)
	}
	copy(g.buffer[n:], p)
	return true
}

// release returns the buffer to the pool.
func (g *Guard) release() {
	if g.buffer != nil {
		buffers.Put(g.buffer)
		g.buffer = nil
	}
}

// Safely calls a foreign method on a goroutine where a panic would end the process.
func Safely(f func()) {
	defer func() { _ = recover() }()
	f()
}
