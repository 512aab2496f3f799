package respw

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A Fence is what a Writer needs to be taken away from a handler that is still
// running: its [Phase], a header that is the handler's alone, and the start of
// the body, which is held back.
//
// What belongs to whom:
//   - header, body, and what the Writer counts are the handler's goroutine's,
//     without any right: all of it is in memory;
//   - the server's writer is touched between enter and leave alone, by the
//     handler; and by the Owner that has taken the response, once no call is inside;
//   - what stands in the server's header is changed inside, too.
//
// A response is written by one goroutine at a time, as net/http asks. Deadlines
// may be set by any.
// A header is fixed at the commit, but its values are shared until it is sent: a
// handler that changes one in place changes the response.
type Fence struct {
	// Context, if not nil, is that of the handler: it ends when the response is
	// taken away, for CloseNotify.
	Context context.Context

	state
	owner    Owner
	header   http.Header // the handler's, nil until it asks for it
	base     []field     // what the server's header held before it was filled, not nil since
	room     *[room]byte // holds the start of the body
	progress atomic.Int64
}

// An Owner is told by the last call to leave that the response is Taken.
type Owner interface{ Taken(was Phase) }

// room is how much of a body is held back until the handler flushes or returns.
// net/http sends nothing earlier either.
const room = 2048

var rooms = sync.Pool{New: func() any { return new([room]byte) }}

// Fence puts f around rw. Call it before the handler runs, and [Writer.Settle]
// after.
func (rw *Writer) Fence(f *Fence, owner Owner) {
	rw.fence, f.owner = f, owner
}

// Moved notes that the deadline was moved, and reports whether the response was
// still the handler's to write.
func (f *Fence) Moved() bool {
	for {
		l := f.Look()
		if l.Over() {
			return l.Phase() == Foreign // a connection of its own has no deadline to move
		}
		if f.move(l) {
			return true
		}
	}
}

// Progress grows with what the handler writes, and is positive once it commits.
func (f *Fence) Progress() int64 { return f.progress.Load() }

// Grace is how long the client may take to receive the few hundred bytes of an
// answer, and a write that is under way to come to its end.
const Grace = time.Second

// Hurry has a call that is stuck in a write come out of it, by moving the deadline
// for writing to d from now, and ends the timer's own call.
func (rw *Writer) Hurry(d time.Duration) {
	defer rw.leave()
	Safely(func() { _ = http.NewResponseController(rw.inner).SetWriteDeadline(time.Now().Add(d)) })
}

// Settle is the end of the handler's part. It fails if the response was taken or
// is about to be, and then the Owner is told. Until [Writer.Finish] nothing
// happens to the server's writer.
func (rw *Writer) Settle() (was Phase, ok bool) { return rw.fence.settle() }

// Finish is called when the handler has settled, by the goroutine of the server.
// If the handler has returned, what was held is sent, and trailers that were set
// after the commit are copied. Else a panic is under way, and the layer that recovers
// it finds the server's header as it was. An error is one of a write that the
// handler took to have succeeded.
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

// Restore puts the server's header back for another response, of one that was
// taken in the phase was.
func (rw *Writer) Restore(was Phase) { rw.fence.restore(rw.inner, was) }

// fill makes the server's header hold what the handler's does.
func (f *Fence) fill(inner http.ResponseWriter) {
	if f.header == nil {
		return
	}
	h := inner.Header()
	f.keep(h)
	replace(h, f.header)
}

// A field is one of a header.
type field struct {
	name   string
	values []string
}

// keep remembers what the server's header holds, for restore: most often the few
// fields of layers outside, for which a map would take ten times the memory.
func (f *Fence) keep(h http.Header) {
	if f.base != nil {
		return
	}
	f.base = make([]field, 0, len(h))
	for name, values := range h {
		f.base = append(f.base, field{name, values})
	}
}

// restore takes fill back, as long as nothing was sent.
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

// hold keeps p if it fits after the n bytes that are there.
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

// release gives the room back.
func (f *Fence) release() {
	if f.room != nil {
		rooms.Put(f.room)
		f.room = nil
	}
}

// CopyTrailers copies what of a header is sent after the body: the fields that
// its Trailer declares, and those with http.TrailerPrefix.
func CopyTrailers(dst, src http.Header) {
	declared := src["Trailer"]
	for name, values := range src {
		if strings.HasPrefix(name, http.TrailerPrefix) || declares(declared, name) {
			dst[name] = values
		}
	}
}

// DeleteTrailers deletes from a header what is sent after the body.
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

// Safely calls a method of others on a goroutine of the kit, where a panic would
// end the process.
func Safely(f func()) {
	defer func() { _ = recover() }()
	f()
}
