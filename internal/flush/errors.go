package flush

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// goneError is a write that failed: nothing is left to read it, or it is not
// read.
type goneError struct{ cause error }

// Gone returns an error that blames the client for the cause.
func Gone(cause error) error { return &goneError{cause} }

func (e *goneError) Error() string    { return "stream: client gone: " + e.cause.Error() }
func (e *goneError) Unwrap() error    { return e.cause }
func (e *goneError) ClientGone() bool { return true }

// headError keeps a HEAD request from opening a stream that has no body to
// write to. Its status is never sent: it keeps the error out of the log, which
// takes those of 500 and more.
type headError struct{}

// ErrHead is what Prepare returns for a HEAD request.
var ErrHead error = headError{}

func (headError) Error() string   { return "stream: a HEAD request has no stream" }
func (headError) StatusCode() int { return http.StatusMethodNotAllowed }

// Refuse answers a request whose stream could not be started, and logs that as
// httperr.Refuse does. HEAD gets the header that GET would.
func (c *Conn) Refuse(err error, hook httperr.Hook, logger *slog.Logger) error {
	if err == ErrHead {
		c.SendHeader()
		return httperr.Logged(err)
	}
	return httperr.Refuse(c.w, c.r, err, err, hook, logger)
}

// Over reports whether err says no more than that the stream has ended because
// its context has.
func (c *Conn) Over(err error) bool {
	return c.ctx.Err() != nil && (errors.Is(err, c.ctx.Err()) || errors.Is(err, errUntil))
}

// Failed is Refuse for a stream that is open, and whose client was told of err as
// the last that it was sent.
func (c *Conn) Failed(err error, logger *slog.Logger) error {
	if status, _, _, _ := httperr.Describe(err); status >= 500 {
		httperr.Log(logger, c.r, status, err)
	}
	respw.MarkAnswered(c.w)
	return httperr.Logged(err)
}
