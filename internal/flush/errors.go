package flush

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

var (
	// errUntil is the cause of a context that Config.Until ended.
	errUntil  = errors.New("stream: ended by the server")
	errBroken = errors.New("stream: write after a part of an event")
	errClosed = errors.New("stream: write after the handler returned, or after Close")
	errPanic  = errors.New("stream: the writer of the response has panicked")
)

// clientGoneError is a write that failed: the client has gone, or does not read.
type clientGoneError struct{ cause error }

// ClientGone returns an error with the cause that blames the client.
func ClientGone(cause error) error { return &clientGoneError{cause} }

func (e *clientGoneError) Error() string    { return "stream: client gone: " + e.cause.Error() }
func (e *clientGoneError) Unwrap() error    { return e.cause }
func (e *clientGoneError) ClientGone() bool { return true }

// headError keeps a HEAD request from opening a stream without a body. Its status is
// never sent: it keeps the error out of the log, which records 500 and above.
type headError struct{}

// ErrHead is what Prepare returns for a HEAD request.
var ErrHead error = headError{}

func (headError) Error() string   { return "stream: a HEAD request has no stream" }
func (headError) StatusCode() int { return http.StatusMethodNotAllowed }

// Refuse responds to a request whose stream could not start, and logs that as
// problem.Refuse does. HEAD gets the header that GET would get.
func (c *Conn) Refuse(err error, hook problem.ErrorHook, logger *slog.Logger) error {
	if err == ErrHead {
		c.SendHeader()
		return problem.Logged(err)
	}
	return problem.Refuse(c.w, c.r, err, err, hook, logger)
}

// EndedByContext reports whether err only says that the stream has ended because its
// context has.
func (c *Conn) EndedByContext(err error) bool {
	return c.ctx.Err() != nil && (errors.Is(err, c.ctx.Err()) || errors.Is(err, errUntil))
}

// Failed is Refuse for an open stream whose client was sent err as its last message.
func (c *Conn) Failed(err error, logger *slog.Logger) error {
	if status, _, _, _ := problem.Describe(err); status >= 500 {
		problem.Log(logger, c.r, status, err)
	}
	response.MarkAnswered(c.w)
	return problem.Logged(err)
}
