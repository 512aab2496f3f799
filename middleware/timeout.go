package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/apiece/apiece/internal/exchange"
)

// Timeout returns middleware that bounds the time a handler may take. It is
// Next's maxDuration, which Next.js leaves to the platform, enforced: when d is
// over the client has a complete 504, even if the handler ignores its context,
// or is stuck reading the body. If a part of the response is sent by then, the
// connection is cut, so that the part cannot pass for the whole (on HTTP/1 it is
// hijacked, so Server.Shutdown does not wait for that handler); a response
// that is whole stays.
//
// The first 2 KB of a body are held back until the handler flushes, writes more
// or returns. net/http does the same, with one difference: what is held here is
// none of the server's yet. So a small response that is late is a whole 504,
// an error or a panic after a few bytes is a whole 500, and an error of writing
// them shows when the handler has returned: then the connection is aborted. A
// handler that reads the body after it has written may have net/http send a 100
// (Continue) first. Beyond that nothing is buffered: handlers flush, hijack and
// stream as without a Timeout.
//
// The context of the request ends at the deadline with
// context.DeadlineExceeded; its cause is a [*TimeoutError]. What the handler
// writes later fails with http.ErrHandlerTimeout. A stream opened by package
// stream lifts the deadline, and so does a hijacked connection; a handler moves
// its own by [Extend]. If several are nested the shortest holds.
//
// The handler runs in place, or on a goroutine of its own: on HTTP/2, where a
// stream ends no earlier than ServeHTTP returns, and behind a foreign wrapper that
// can neither flush nor be unwrapped, which sends nothing earlier. There a panic
// reaches the layers outside as an error whose text has the handler's stack, and
// which unwraps to the value if that is an error. A handler whose time is up is left
// behind, on HTTP/2 unless it returns within 100 ms, and goes on until it returns:
// what it reads and writes then fails. It must not use what a router outside takes
// back when ServeHTTP has returned, such as chi's routing context or a gin.Context,
// which may be another request's by then. A Timeout around the router is safe.
//
// A foreign writer that blocks and has no deadlines keeps the client waiting, as
// it would without a Timeout: one record at level Warn names its type.
//
// A d of 0 or less is no timeout, as in Next.js. One between 0 and a
// millisecond panics: it is a number of seconds without its unit.
func Timeout(d time.Duration) func(http.Handler) http.Handler {
	return TimeoutWith(TimeoutConfig{Duration: d})
}

// A TimeoutMode says what a [Timeout] bounds. Nest two to bound two things. Only
// under TimeoutTotal does the context have a Deadline: the other two move theirs.
type TimeoutMode int

const (
	// TimeoutTotal is the time until the handler returns.
	TimeoutTotal TimeoutMode = iota
	// TimeoutFirstByte is the time until the handler has committed the header of
	// its response, by a write or a flush. After that it may take as long as it
	// likes. What it has written leaves as it does without a Timeout: by a flush,
	// after 2 KB, or at the end.
	TimeoutFirstByte
	// TimeoutIdle is the time without the handler writing a byte, be it one that is
	// held back. It is looked at once in a Duration, so that a handler that has
	// stopped writing is noticed after one to two of them.
	TimeoutIdle
)

// A TimeoutConfig is a [Timeout] with more to say. The zero value is no timeout.
type TimeoutConfig struct {
	// Duration is how long the handler may take. 0 and less is for ever.
	Duration time.Duration

	// Mode says for what. 0 is [TimeoutTotal].
	Mode TimeoutMode

	// RetryAfter, if positive, becomes the Retry-After header of the answer,
	// in whole seconds, rounded up.
	RetryAfter time.Duration

	// OnError answers with a [*TimeoutError], whose status is 504. It runs while
	// the handler may still be running, on a goroutine of the Timeout's. The
	// request is the one from outside: what the handler sets or deletes in the Header
	// of its own is not seen. What it writes is sent in one step; if it panics, or
	// writes nothing, there is a problem document. Nil is that of the [Config] around
	// it, else a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger gets one record for each answer or cut, one for each panic of a
	// handler that was left behind, and the warning about a writer that blocks. Nil
	// is that of the [Config] around it, else slog.Default.
	Logger *slog.Logger
}

// Validate returns what is wrong with the config, nil if nothing is.
func (cfg TimeoutConfig) Validate() error {
	if cfg.Mode < TimeoutTotal || cfg.Mode > TimeoutIdle {
		return fmt.Errorf("middleware: unknown TimeoutMode %d", cfg.Mode)
	}
	if cfg.Duration > 0 && cfg.Duration < time.Millisecond {
		return fmt.Errorf("middleware: a timeout of %v is under a millisecond; is a unit missing, as in %d*time.Second?", cfg.Duration, cfg.Duration)
	}
	return nil
}

// TimeoutWith is [Timeout] with a config. It panics if the config is not valid.
func TimeoutWith(cfg TimeoutConfig) func(http.Handler) http.Handler {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		if cfg.Duration <= 0 {
			return next
		}
		return &bounded{next: next, cfg: cfg}
	}
}

// Unwrap returns the handler inside, as layer.New has it.
func (b *bounded) Unwrap() http.Handler { return b.next }

// A TimeoutError says that a handler took longer than a [Timeout] allows. It is
// what OnError is given, and the cause of the context that ended.
type TimeoutError struct {
	// Duration is the time that the Timeout was made for.
	Duration   time.Duration
	retryAfter time.Duration
}

// Error returns the text for the log.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("middleware: the handler did not answer within %v", e.Duration)
}

// StatusCode returns 504.
func (e *TimeoutError) StatusCode() int { return http.StatusGatewayTimeout }

// Timeout returns true, as for the errors of package net.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns context.DeadlineExceeded, which is what the context says too.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// Header returns the Retry-After field, if one was asked for.
func (e *TimeoutError) Header() http.Header {
	if e.retryAfter <= 0 {
		return nil
	}
	seconds := int64((e.retryAfter + time.Second - 1) / time.Second)
	return http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}}
}

// Extend moves the deadline of the handler that serves r to d from now; 0 is
// now, and a negative d lifts it. Timeouts further out that would end earlier
// are moved along. Call it before deriving contexts: one that was given a
// deadline of its own, later than that of r, has relied on the latter since. It
// returns http.ErrHandlerTimeout if the time is up, and an error matching
// http.ErrNotSupported if no [Timeout] is in force.
func Extend(r *http.Request, d time.Duration) error {
	t, ok := exchange.Get[exchange.Extender](r, exchange.Deadline)
	if !ok {
		return fmt.Errorf("middleware: no Timeout is in force: %w", http.ErrNotSupported)
	}
	return t.Extend(d)
}
