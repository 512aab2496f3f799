package response

import (
	"io"
	"net"
	"net/http"
	"time"
)

// Abort ends a response that cannot be finished so that no client can take it for
// complete: it calls [Cut], and panics with http.ErrAbortHandler. The panic alone is
// not enough, because a recoverer outside may swallow it, and net/http would then end
// the body in good order.
func Abort(w http.ResponseWriter, r *http.Request) {
	Cut(w, r)
	panic(http.ErrAbortHandler)
}

// Cut keeps the part that was sent from passing for the whole, however the handler
// ends: it poisons the connection below w, and closes that of an HTTP/1.0 request. A
// response that was taken has nothing left to poison.
func Cut(w http.ResponseWriter, r *http.Request) {
	Poison(w)
	if !r.ProtoAtLeast(1, 1) {
		HangUp(w, true)
	}
}

var past = time.Unix(1, 0)

// Poison makes every further write to the client of w fail.
func Poison(w http.ResponseWriter) { _ = http.NewResponseController(w).SetWriteDeadline(past) }

// Poisons reports whether t is the deadline that Poison sets, for writers that hold a
// response back: they have no connection to cut, but a part that must not pass for the
// whole.
func Poisons(t time.Time) bool { return t.Equal(past) }

// HangUp closes the connection below w if it carries nothing else, which means on
// HTTP/1. net/http would close it when the handler returns, and until then the client
// would wait for the rest. HTTP/1.0 needs a reset: there an orderly close is the end of
// a body.
func HangUp(w http.ResponseWriter, reset bool) {
	Safely(func() {
		hijack := http.NewResponseController(w).Hijack
		if rw, ok := Of(w); ok { // a plain Writer has no Hijack, and must not be bypassed
			hijack = rw.seize
		}
		conn, _, err := hijack()
		if err != nil {
			return
		}
		// Without the close_notify alert of TLS, which would make the part look whole.
		if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = secure.NetConn()
		}
		if l, ok := conn.(interface{ SetLinger(int) error }); ok && reset {
			_ = l.SetLinger(0)
		}
		_ = conn.Close()
	})
}

// CutOff makes a response that was taken halfway fail for the client: no further bytes
// are written, the handler's reads fail, and on HTTP/1 the connection is closed. No
// call is inside.
func (rw *Writer) CutOff(closes bool) {
	rc := http.NewResponseController(rw.inner)
	Safely(func() { _ = rc.SetReadDeadline(past) })
	Safely(func() { _ = rc.SetWriteDeadline(past) })
	if closes {
		HangUp(rw.inner, !rw.request.ProtoAtLeast(1, 1))
	}
}

// TooLarge tells the server below w that the rest of the request body will not be read:
// the connection closes after the response, and lingers so that the client can read it.
// net/http does that only for http.MaxBytesReader, and only on its own writer, so this
// overflows one on it.
//
// It respects a guard on the way: after the response was taken, another goroutine may
// write to that writer.
func TooLarge(w http.ResponseWriter) {
	if rw, ok := Of(w); ok {
		if _, err := rw.enter(Open); err == nil {
			defer rw.leave()
			TooLarge(rw.inner)
		}
		return
	}
	if below := Below(w); below != nil {
		TooLarge(below)
		return
	}
	var two [2]byte
	_, _ = http.MaxBytesReader(w, io.NopCloser(full{}), 0).Read(two[:])
}

// full is a body that never ends.
type full struct{}

func (full) Read(p []byte) (int, error) { return len(p), nil }
