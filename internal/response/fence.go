package response

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Fence lets a response be taken away from a handler that is still running: it has a
// [Phase], a header of the handler's own, and the start of the body, which is held
// back.
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
type Fence struct {
	// Context, if not nil, is the handler's: it ends when the response is taken, for
	// CloseNotify.
	Context context.Context

	state
	owner    Owner
	header   http.Header // the handler's, nil until it calls Header
	base     []field     // the server's header before it was filled, not nil since
	room     *[room]byte // holds the start of the body
	progress atomic.Int64
}

// An Owner is told by the last call to leave that the response is Taken.
type Owner interface{ Taken(was Phase) }

// room is how much of a body is held back until the handler flushes or returns.
// net/http sends nothing earlier either.
const room = 2048

var rooms = sync.Pool{New: func() any { return new([room]byte) }}

// Fence puts f around rw. Call it before the handler runs, and [Writer.Settle] after.
func (rw *Writer) Fence(f *Fence, owner Owner) {
	rw.fence, f.owner = f, owner
}

// Moved records that the deadline was moved, and reports whether the response still
// belonged to the handler.
func (f *Fence) Moved() bool {
	for {
		l := f.Look()
		if l.Over() {
			return l.Phase() == Foreign // a hijacked connection has no deadline to move
		}
		if f.move(l) {
			return true
		}
	}
}

// Progress grows as the handler writes, and is positive once it commits.
func (f *Fence) Progress() int64 { return f.progress.Load() }

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
func (rw *Writer) Settle() (was Phase, ok bool) { return rw.fence.settle() }

// Finish is called by the goroutine of the server after the handler has settled. If the
// handler has returned, it sends the bytes held back, and copies trailers that were set
// after the commit. Otherwise a panic is in progress, and the layer that recovers it
// finds the server's header unchanged. An error is that of a write that had succeeded
// for the handler.
func (rw *Writer) Finish(was Phase, returned bool) (err error) {
	f := rw.fence
	switch {
	case !returned:
		f.restore(rw.inner, was)
		f.release()
		return nil
	case was == Open:
		f.fill(rw.inner)
	case was == Held:
		err = rw.send()
	}
	if was == Held || was == Sent {
		CopyTrailers(rw.inner.Header(), f.header)
	}
	return err
}

// Restore restores the server's header for another response, after the response was
// taken in the phase was.
func (rw *Writer) Restore(was Phase) { rw.fence.restore(rw.inner, was) }

// fill copies the handler's header to the server's.
func (f *Fence) fill(inner http.ResponseWriter) {
	if f.header == nil {
		return
	}
	h := inner.Header()
	f.keep(h)
	replace(h, f.header)
}

// A field is a header field.
type field struct {
	name   string
	values []string
}

// keep saves the server's header for restore: mostly the few fields of layers outside,
// for which a map would take ten times the memory.
func (f *Fence) keep(h http.Header) {
	if f.base != nil {
		return
	}
	f.base = make([]field, 0, len(h))
	for name, values := range h {
		f.base = append(f.base, field{name, values})
	}
}

// restore undoes fill, unless something was sent.
func (f *Fence) restore(inner http.ResponseWriter, was Phase) {
	if f.base == nil || was > Held {
		return
	}
	h := inner.Header()
	clear(h)
	for _, kept := range f.base {
		h[kept.name] = kept.values
	}
}

// hold keeps p if it fits after the first n bytes.
func hold[T string | []byte](f *Fence, n int64, p T) bool {
	if n+int64(len(p)) > room {
		return false
	}
	if f.room == nil {
		f.room = rooms.Get().(*[room]byte)
	}
	copy(f.room[n:], p)
	return true
}

// release returns the room to the pool.
func (f *Fence) release() {
	if f.room != nil {
		rooms.Put(f.room)
		f.room = nil
	}
}

// CopyTrailers copies the fields that are sent after the body: those that the Trailer
// field of src declares, and those with http.TrailerPrefix.
func CopyTrailers(dst, src http.Header) {
	declared := src["Trailer"]
	for name, values := range src {
		if strings.HasPrefix(name, http.TrailerPrefix) || declares(declared, name) {
			dst[name] = values
		}
	}
}

// DeleteTrailers deletes the fields that are sent after the body.
func DeleteTrailers(h http.Header) {
	declared := h["Trailer"]
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) || declares(declared, name) {
			delete(h, name)
		}
	}
	delete(h, "Trailer")
}

func declares(trailers []string, name string) bool {
	for _, line := range trailers {
		for field := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(field), name) {
				return true
			}
		}
	}
	return false
}

// Safely calls a foreign method on a goroutine where a panic would end the process.
func Safely(f func()) {
	defer func() { _ = recover() }()
	f()
}
