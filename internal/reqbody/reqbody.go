// Package reqbody is what the pieces that read request bodies share: a
// deadline for slow clients, the refusal of a body that is too large, and what
// a failed read means.
package reqbody

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

type deadliner interface{ SetReadDeadline(time.Time) error }

// A Deadline bounds the time that reading a body may take. The zero Deadline
// bounds nothing.
type Deadline struct{ w deadliner }

// InMemory marks an r.Body that has all its bytes already.
type InMemory interface{ InMemory() }

// WriterFor returns w, or if that is nil what a layer outside has left for the
// body of r, nil if there is none.
func WriterFor(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if w != nil {
		return w
	}
	if l, ok := r.Body.(*Limited); ok {
		return l.w
	}
	return exchange.WriterOf(r)
}

// Arm lets reads of the body of r fail from d on, by w or else by the writer that
// [WriterFor] finds. One that knows no deadlines gives the zero Deadline, as does a
// d of 0 or less, and a body that no client has to send: the deadline would end up
// in the request's context.
//
// A server that bounds the whole request more tightly with its ReadTimeout
// keeps its own deadline, which ours would extend.
func Arm(w http.ResponseWriter, r *http.Request, d time.Duration) Deadline {
	if d <= 0 || r.Body == nil || r.Body == http.NoBody {
		return Deadline{}
	}
	if _, ok := r.Body.(InMemory); ok {
		return Deadline{}
	}
	server, served := r.Context().Value(http.ServerContextKey).(*http.Server)
	if served && server.ReadTimeout > 0 && server.ReadTimeout <= d {
		return Deadline{}
	}
	if w = WriterFor(w, r); w == nil {
		if served {
			unbounded.Do(func() { warn(r, d) })
		}
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

// unbounded is done when the warning has been written: it is about how a program
// is put together, and the next request would only say the same.
var unbounded sync.Once

func warn(r *http.Request, d time.Duration) {
	httperr.LoggerFor(nil, r).LogAttrs(r.Context(), slog.LevelWarn,
		"apiece: nothing bounds the time that a body may take: pass the ResponseWriter, or put a reply.HandlerFunc or a bodyparser.New around",
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
		slog.Duration("ReadTimeout", d))
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
