// Package requestbody is shared by the packages that read request bodies: a deadline for
// slow clients, the rejection of a body that is too large, and the meaning of a failed
// read.
package requestbody

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
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

type deadliner interface{ SetReadDeadline(time.Time) error }

// A Deadline bounds the time of reading a body. The zero Deadline bounds nothing.
type Deadline struct{ w deadliner }

// InMemory marks an r.Body that already has all its bytes.
type InMemory interface{ InMemory() }

// WriterFor returns w, or if that is nil the writer that a layer outside stored for the
// body of r, or nil.
func WriterFor(w http.ResponseWriter, r *http.Request) http.ResponseWriter {
	if w != nil {
		return w
	}
	if l, ok := r.Body.(*Limited); ok {
		return l.w
	}
	return exchange.WriterOf(r)
}

// Arm makes reads of the body of r fail after d, by w or else by the writer of
// [WriterFor]. It returns the zero Deadline for a writer without deadlines, for zero or
// negative d, and for a body that no client has to send: the deadline would end up in
// the request's context.
//
// A server whose ReadTimeout bounds the whole request more tightly keeps its own
// deadline, which this one would extend.
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
	// http.ResponseController would allocate an error for each request to a writer that
	// has no deadlines.
	var dl Deadline
	var ok bool
	if dl.w, ok = response.Find[deadliner](w); !ok || dl.w.SetReadDeadline(time.Now().Add(d)) != nil {
		return Deadline{}
	}
	return dl
}

// unbounded is done once the warning is logged: it concerns how a program is built, and
// further requests would only repeat it.
var unbounded sync.Once

func warn(r *http.Request, d time.Duration) {
	problem.LoggerFor(nil, r).LogAttrs(r.Context(), slog.LevelWarn,
		"apiece: nothing bounds the time that a body may take: pass the ResponseWriter, or put a reply.HandlerFunc or a bodyparser.New around",
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
		slog.Duration("ReadTimeout", d))
}

// A Clock is the Timeout around a request. The zero Clock is none.
type Clock struct{ timeout exchange.Extender }

// ClockOf returns the Timeout around r.
func ClockOf(r *http.Request) Clock {
	t, _ := exchange.Get[exchange.Extender](r, exchange.Deadline)
	return Clock{t}
}

// Covers reports whether the Timeout interrupts a read of the body after at most d, so
// that no deadline is needed.
func (c Clock) Covers(d time.Duration) bool { return c.timeout != nil && c.timeout.EndsWithin(d) }

// Reading tells the Timeout whether a read of the body waits for the client.
func (c Clock) Reading(reading bool) {
	if c.timeout != nil {
		c.timeout.Reading(reading)
	}
}

// Extend moves an armed deadline to d from now.
func (dl Deadline) Extend(d time.Duration) {
	if dl.w != nil {
		_ = dl.w.SetReadDeadline(time.Now().Add(d))
	}
}

// Disarm removes the deadline. Call it after a read that succeeded: otherwise the
// deadline would end up in the request's context, since net/http reads on to detect a
// client that leaves. After a read that failed it must stay, or net/http waits for the
// rest of the body.
func (dl Deadline) Disarm() {
	if dl.w != nil {
		_ = dl.w.SetReadDeadline(time.Time{})
	}
}

// Refuse has net/http close the connection after the response to r, instead of reading
// the rest of a body that is too large, or waiting for it.
func Refuse(w http.ResponseWriter, r *http.Request) {
	if w == nil {
		return
	}
	if r.ProtoMajor == 1 {
		// For writers that hide the server's. On HTTP/2 this would close the connection
		// of all the other requests.
		w.Header().Set("Connection", "close")
	}
	response.TooLarge(w)
	if dl, ok := response.Find[deadliner](w); ok {
		_ = dl.SetReadDeadline(time.Unix(1, 0))
	}
}

// A Failure is the meaning of a failed read.
type Failure int

const (
	Malformed Failure = iota // the bytes are not a valid body
	Aborted                  // the client stopped sending before the end
	Slow                     // the deadline passed
)

// Explain classifies the error of a read. The context of the request, which net/http
// cancels for a lost connection, tells what the errors of HTTP/2 do not.
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
