// Package reqbody is what the pieces that read request bodies share: a
// deadline for slow clients, the refusal of a body that is too large, and what
// a failed read means.
package reqbody

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/respw"
)

type deadliner interface{ SetReadDeadline(time.Time) error }

// A Deadline bounds the time that reading a body may take. The zero Deadline
// bounds nothing.
type Deadline struct{ w deadliner }

// InMemory marks an r.Body that has all its bytes already.
type InMemory interface{ InMemory() }

// Arm lets reads of the body of r fail from d on. A writer that knows no
// deadlines, or a nil one, gives the zero Deadline, as does a d of 0 or less, and
// a body that nobody has to send: the deadline would end up in the request's
// context.
//
// A server that bounds the whole request more tightly with its ReadTimeout
// keeps its own deadline, which ours would extend.
func Arm(w http.ResponseWriter, r *http.Request, d time.Duration) Deadline {
	if w == nil || d <= 0 || r.Body == nil || r.Body == http.NoBody {
		return Deadline{}
	}
	if _, ok := r.Body.(InMemory); ok {
		return Deadline{}
	}
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && s.ReadTimeout > 0 && s.ReadTimeout <= d {
		return Deadline{}
	}
	// Not by http.ResponseController, which builds an error for each request to a
	// writer that has no deadlines.
	var dl Deadline
	var ok bool
	if dl.w, ok = respw.Find[deadliner](w); !ok || dl.w.SetReadDeadline(time.Now().Add(d)) != nil {
		return Deadline{}
	}
	return dl
}

// Covered reports whether a Timeout interrupts a read of the body of r no later
// than after d, so that no deadline is needed.
func Covered(r *http.Request, d time.Duration) bool {
	t, ok := exchange.Get[exchange.Extender](r, exchange.Deadline)
	return ok && t.EndsWithin(d)
}

// Extend moves an armed deadline to d from now.
func (dl Deadline) Extend(d time.Duration) {
	if dl.w != nil {
		_ = dl.w.SetReadDeadline(time.Now().Add(d))
	}
}

// Disarm takes the deadline away again. It belongs behind a read that
// succeeded: left alone, the deadline would end up in the request's context,
// for net/http reads on to notice a client that leaves. Behind a read that
// failed it must stay, or net/http waits for the rest of the body.
func (dl Deadline) Disarm() {
	if dl.w != nil {
		_ = dl.w.SetReadDeadline(time.Time{})
	}
}

// Refuse has net/http close the connection behind the response to r, instead
// of reading the rest of a body that is too large or even waiting for it.
func Refuse(w http.ResponseWriter, r *http.Request) {
	if w == nil {
		return
	}
	if r.ProtoMajor == 1 {
		// For writers that hide the server's. HTTP/2 would take it as a wish to
		// close the connection of all the other requests.
		w.Header().Set("Connection", "close")
	}
	respw.TooLarge(w)
	if dl, ok := respw.Find[deadliner](w); ok {
		_ = dl.SetReadDeadline(time.Unix(1, 0))
	}
}

// A Failure says what a failed read means.
type Failure int

const (
	Malformed Failure = iota // what came in is not a body
	Aborted                  // the client stopped sending before the end
	Slow                     // the deadline passed
)

// Explain classifies the error of a read. The context of the request, which
// net/http ends for a connection that is lost, tells what the errors of HTTP/2
// do not.
func Explain(ctx context.Context, err error) Failure {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return Slow
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.Canceled), errors.As(err, &op), ctx.Err() == context.Canceled:
		return Aborted
	}
	return Malformed
}

// Limit puts a limit on what can be read from r.Body. Reading beyond it fails
// with *http.MaxBytesError, and has the connection closed.
func Limit(w http.ResponseWriter, r *http.Request, limit int64) {
	r.Body = &limited{http.MaxBytesReader(nil, r.Body, limit), w, r}
}

type limited struct {
	io.ReadCloser
	w http.ResponseWriter // nil once it knows
	r *http.Request
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	var max *http.MaxBytesError
	if l.w != nil && errors.As(err, &max) {
		Refuse(l.w, l.r)
		l.w = nil
	}
	return n, err
}
