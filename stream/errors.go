package stream

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/httperr"
)

// goneError is a write that failed: nobody is left to read, or nobody reads.
type goneError struct{ cause error }

func (e *goneError) Error() string    { return "stream: client gone: " + e.cause.Error() }
func (e *goneError) Unwrap() error    { return e.cause }
func (e *goneError) ClientGone() bool { return true }

// headError keeps a HEAD request from opening a stream that has no body to
// write to. Its status is never sent: it keeps the error out of the log, which
// takes those of 500 and more.
type headError struct{}

var errHead error = headError{}

func (headError) Error() string   { return "stream: a HEAD request has no stream" }
func (headError) StatusCode() int { return http.StatusMethodNotAllowed }

// refuse answers a request whose stream could not be started, and logs that as
// httperr.Refuse does. HEAD gets the header that GET would.
func (c *conn) refuse(err error, hook httperr.Hook, logger *slog.Logger) error {
	if err == errHead {
		c.commit()
		return httperr.Logged(err)
	}
	return httperr.Refuse(c.w, c.r, err, err, hook, logger)
}

// over reports whether err says no more than that the stream has ended because
// its context has.
func (c *conn) over(err error) bool {
	return c.ctx.Err() != nil && (errors.Is(err, c.ctx.Err()) || errors.Is(err, errUntil))
}
