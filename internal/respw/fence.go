package respw

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// fence is what a Writer needs to be taken away from a handler that is still
// running: a lock around every call, a header map that is the handler's alone,
// and deadlines the handler can no longer move.
type fence struct {
	header   http.Header
	mu       sync.Mutex   // held by every call, for as long as it writes
	quick    sync.Mutex   // held to set deadlines and to hijack; never while writing
	progress atomic.Int64 // 0 until the commit, then more with every write
	fenced   bool
	cut      bool // guarded by quick
}

// Fence prepares rw to be cut: from now on calls are safe for concurrent use,
// and the header is a copy that reaches the client with the commit. Call it
// before the handler runs, and [Writer.Finish] after it.
func (rw *Writer) Fence() {
	rw.fenced = true
	if base := rw.inner.Header(); len(base) != 0 {
		rw.header = base.Clone()
	} else {
		rw.header = make(http.Header)
	}
}

func (rw *Writer) lock() {
	if rw.fenced {
		rw.mu.Lock()
	}
}

func (rw *Writer) unlock() {
	if rw.fenced {
		rw.mu.Unlock()
	}
}

// Progress returns a number that is 0 until the header is out, and grows with
// what is written. Unlike the other methods it does not wait for a write that
// is under way.
func (rw *Writer) Progress() int64 { return rw.progress.Load() }

// Finish completes a response whose handler has returned: a header that was
// never committed, or trailers set after the commit, are copied out.
func (rw *Writer) Finish() {
	rw.lock()
	defer rw.unlock()
	if rw.dead != alive || rw.hijacked {
		return
	}
	if rw.status == 0 {
		replace(rw.inner.Header(), rw.header)
		return
	}
	CopyTrailers(rw.inner.Header(), rw.header)
}

// CopyTrailers copies what of a header is sent behind the body: the fields that
// its Trailer declares, and those with http.TrailerPrefix.
func CopyTrailers(dst, src http.Header) {
	declared := src["Trailer"]
	for name, values := range src {
		if strings.HasPrefix(name, http.TrailerPrefix) || declares(declared, name) {
			dst[name] = values
		}
	}
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

// replace makes dst hold what src holds. The values are shared.
func replace(dst, src http.Header) {
	clear(dst)
	for name, values := range src {
		dst[name] = values
	}
}

var past = time.Unix(1, 0)

// A Fate is what became of a response that was cut.
type Fate uint8

const (
	Answered Fate = iota // nothing was out: the answer is
	Severed              // a part was out: the connection is of no more use
	Whole                // all of it was out, or the connection is somebody else's
)

// Cut takes the response away from the handler. From now on everything the
// handler calls fails with http.ErrHandlerTimeout, and a Read or Write it is
// stuck in returns; a Write after the grace. If nothing was committed, answer
// writes the response instead, to the writer below. If a part is out, the
// connection is poisoned, so that nobody can take the part for the whole, and
// closed where that can be done. A response that is complete is flushed and
// stays, and its connection is as before for the next request; a hijacked
// connection is left alone.
//
// Decided runs as soon as the response is taken, before the deadlines move:
// moving the one for reading makes net/http cancel the context of the request.
func (rw *Writer) Cut(grace time.Duration, decided func(), answer func(http.ResponseWriter)) Fate {
	rc := http.NewResponseController(rw.inner)
	if !rw.mu.TryLock() {
		// The handler is in the middle of a call, perhaps stuck in it. It must
		// come out of it, but only by the deadline for writing: the other one
		// would end the request before its fate is decided.
		rw.quick.Lock()
		if !rw.hijacked {
			_ = rc.SetWriteDeadline(time.Now().Add(grace))
		}
		rw.quick.Unlock()
		rw.mu.Lock()
	}
	defer rw.mu.Unlock()

	if rw.hijacked {
		return Whole
	}
	fate := Severed
	switch {
	case rw.dead != alive && rw.status == 0, rw.complete():
		fate = Whole // refused with an answer of its own, or finished
	case rw.dead == alive && rw.status == 0:
		fate = Answered
	}
	rw.dead = timedOut
	decided()

	rw.quick.Lock()
	rw.cut = true
	if fate != Whole {
		_ = rc.SetReadDeadline(past)
	}
	if fate == Severed {
		_ = rc.SetWriteDeadline(past)
	}
	rw.quick.Unlock()
	switch fate {
	case Answered:
		answer(rw.inner)
	case Whole:
		_ = rc.Flush()
	case Severed:
		hangUp(rc)
	}
	return fate
}

// hangUp closes the connection of a response that is severed, where it carries
// nothing else, which is to say on HTTP/1. net/http would do so when the handler
// returns, and for that long the client would wait for the rest. No call may be
// under way, since Hijack lifts the deadlines.
func hangUp(rc *http.ResponseController) {
	defer func() { _ = recover() }() // of a wrapper that hijacks what it cannot
	conn, _, err := rc.Hijack()
	if err != nil {
		return
	}
	// Without the good-bye of TLS, which would make the part look whole.
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

// Dead returns the error that every call returns since the response was cut
// or refused, or nil.
func (rw *Writer) Dead() error {
	rw.lock()
	defer rw.unlock()
	return rw.dead.err()
}

// SetReadDeadline and the two methods after it pass the call on, unless the
// response was cut: else a handler could undo what frees it.
func (rw *Writer) SetReadDeadline(t time.Time) error {
	rw.quick.Lock()
	defer rw.quick.Unlock()
	if rw.cut {
		return http.ErrHandlerTimeout
	}
	return http.NewResponseController(rw.inner).SetReadDeadline(t)
}

// SetWriteDeadline sets the deadline for writing the response.
func (rw *Writer) SetWriteDeadline(t time.Time) error {
	rw.quick.Lock()
	defer rw.quick.Unlock()
	if rw.cut {
		return http.ErrHandlerTimeout
	}
	return http.NewResponseController(rw.inner).SetWriteDeadline(t)
}

// EnableFullDuplex lets a handler read the body while it writes the response.
func (rw *Writer) EnableFullDuplex() error {
	rw.quick.Lock()
	defer rw.quick.Unlock()
	if rw.cut {
		return http.ErrHandlerTimeout
	}
	return http.NewResponseController(rw.inner).EnableFullDuplex()
}

func (rw *Writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	rw.lock()
	defer rw.unlock()
	if rw.dead != alive {
		return nil, nil, rw.dead.err()
	}
	rw.quick.Lock()
	defer rw.quick.Unlock()
	if rw.cut {
		return nil, nil, http.ErrHandlerTimeout
	}
	conn, buf, err := http.NewResponseController(rw.inner).Hijack()
	if err == nil {
		rw.hijacked = true
	}
	return conn, buf, err
}

// Abort ends a response that cannot be finished so that nobody can take it for
// whole: it poisons the connection below w and panics with
// http.ErrAbortHandler. The panic alone is not enough, because a recoverer
// outside may swallow it, and net/http would then end the body in good order.
// Behind a fence that was cut there is nothing left to poison.
func Abort(w http.ResponseWriter) {
	Poison(w)
	panic(http.ErrAbortHandler)
}

// Poison has nothing more reach the client of w, whoever goes on to write.
func Poison(w http.ResponseWriter) { _ = http.NewResponseController(w).SetWriteDeadline(past) }

// Poisons reports whether t is the deadline that Poison sets, for writers that
// hold a response back: there is no connection to cut then, but a part that
// must not be taken for the whole.
func Poisons(t time.Time) bool { return t.Equal(past) }
