package respw

import (
	"io"
	"net"
	"net/http"
	"time"
)

// Abort ends a response that cannot be finished so that no client can take it for
// whole: by [Cut], and a panic with http.ErrAbortHandler. The panic alone is not
// enough, because a recoverer outside may swallow it, and net/http would then end the
// body in good order.
func Abort(w http.ResponseWriter, r *http.Request) {
	Cut(w, r)
	panic(http.ErrAbortHandler)
}

// Cut keeps what was sent from being taken for whole, however the handler ends: it
// poisons the connection below w, and closes that of an HTTP/1.0 request. A response
// that was taken away has nothing left to poison.
func Cut(w http.ResponseWriter, r *http.Request) {
	Poison(w)
	if !r.ProtoAtLeast(1, 1) {
		HangUp(w, true)
	}
}

var past = time.Unix(1, 0)

// Poison keeps everything that is written from now on from the client of w.
func Poison(w http.ResponseWriter) { _ = http.NewResponseController(w).SetWriteDeadline(past) }

// Poisons reports whether t is the deadline that Poison sets, for writers that
// hold a response back: there is no connection to cut then, but a part that
// must not be taken for the whole.
func Poisons(t time.Time) bool { return t.Equal(past) }

// HangUp closes the connection below w where it carries nothing else, which is to
// say on HTTP/1. net/http would do so when the handler returns, and for that
// long the client would wait for the rest. A reset is for HTTP/1.0, where the end
// of the connection is the end of a body, as an orderly one would be.
func HangUp(w http.ResponseWriter, reset bool) {
	Safely(func() {
		hijack := http.NewResponseController(w).Hijack
		if rw, ok := Of(w); ok { // a plain Writer has no Hijack, and must not be passed
			hijack = rw.seize
		}
		conn, _, err := hijack()
		if err != nil {
			return
		}
		// Without the good-bye of TLS, which would make the part look whole.
		if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
			conn = secure.NetConn()
		}
		if l, ok := conn.(interface{ SetLinger(int) error }); ok && reset {
			_ = l.SetLinger(0)
		}
		_ = conn.Close()
	})
}

// CutOff does to a response that was taken in the middle what a client can see:
// nothing more is written, the handler comes out of reading, and on HTTP/1 the
// connection is closed. No call is inside.
func (rw *Writer) CutOff(closes bool) {
	rc := http.NewResponseController(rw.inner)
	Safely(func() { _ = rc.SetReadDeadline(past) })
	Safely(func() { _ = rc.SetWriteDeadline(past) })
	if closes {
		HangUp(rw.inner, !rw.request.ProtoAtLeast(1, 1))
	}
}

// TooLarge tells the server below w that the rest of the request body will not
// be read: the connection closes after the response, and lingers for the
// client to read it. net/http offers that to http.MaxBytesReader alone, and
// only on its own writer, so one is made to overflow on it.
//
// A fence on the way is respected: once the response was taken away, another
// goroutine may be writing to that writer.
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

// full is a body that always has more.
type full struct{}

func (full) Read(p []byte) (int, error) { return len(p), nil }
