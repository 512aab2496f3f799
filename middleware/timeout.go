package middleware

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// Timeout returns middleware that bounds the time of a handler. It enforces Next.js's
// maxDuration, which Next.js leaves to the platform: after d the client has a complete
// 504, even if the handler ignores its context or is blocked reading the body. If the
// kit is reading the body at that moment, the client is too slow and gets a 408 instead,
// without a record. If part of the response was already sent, the connection is cut, so that the client cannot
// take that part for the whole (on HTTP/1 it is hijacked, so Server.Shutdown does not
// wait for that handler). A response that is complete stays.
//
// The first 2 KB of a body are held back until the handler flushes, writes more or
// returns. net/http does the same, but here the server does not have these bytes yet.
// So a small response that is late becomes a complete 504, an error or a panic after a
// few bytes becomes a complete 500, and a failed write of them shows only after the
// handler has returned: then the connection is aborted. If a handler reads the body
// after it has written, net/http may send a 100 (Continue) first. Nothing else is
// buffered: handlers flush, hijack and stream as without a Timeout.
//
// The context of the request ends at the deadline with context.DeadlineExceeded; its
// cause is a [*TimeoutError]. Later writes by the handler fail with
// http.ErrHandlerTimeout. A stream opened by package stream lifts the deadline, and so
// does hijacking; a handler moves its own deadline with [Extend]. If Timeouts are
// nested, the shortest applies.
//
// The handler runs on the goroutine of the caller, except on HTTP/2, where a stream
// ends no earlier than ServeHTTP returns, and inside a foreign wrapper without Flush
// and Unwrap, which sends nothing earlier. There it runs on a goroutine of its own, and
// a panic reaches the layers outside as an error whose text has the handler's stack,
// and which unwraps to the value if that is an error. A handler that misses its
// deadline is abandoned, on HTTP/2 unless it returns within 100 ms, and runs until it
// returns: its reads and writes fail. It must not use what a router outside reuses once
// ServeHTTP has returned, such as chi's routing context or a gin.Context, which may
// belong to another request by then. A Timeout around the router is safe.
//
// A foreign writer that blocks and has no deadlines keeps the client waiting, as it
// would without a Timeout: one record at level Warn names its type.
//
// Zero or negative d disables it, as in Next.js. A d between 0 and a millisecond
// panics: it is a number of seconds without its unit.
func Timeout(d time.Duration) func(http.Handler) http.Handler {
	return TimeoutWith(TimeoutConfig{Duration: d})
}

// A TimeoutMode says what a [Timeout] bounds. Nest two to bound two things. Only under
// TimeoutTotal does the context have a Deadline: the other two move theirs.
type TimeoutMode int

const (
	// TimeoutTotal is the time until the handler returns.
	TimeoutTotal TimeoutMode = iota
	// TimeoutFirstByte is the time until the handler has committed its response header,
	// by a write or a flush. After that there is no limit. What it has written is sent
	// as without a Timeout: by a flush, after 2 KB, or at the end.
	TimeoutFirstByte
	// TimeoutIdle is the time without the handler writing a byte, including bytes that
	// are held back. It is checked once per Duration, so a handler that stops writing
	// is detected after one to two Durations.
	TimeoutIdle
)

// TimeoutConfig configures [TimeoutWith]. The zero value is no timeout.
type TimeoutConfig struct {
	// Duration is how long the handler may take. Zero or negative disables it.
	Duration time.Duration

	// Mode says what Duration bounds. 0 is [TimeoutTotal].
	Mode TimeoutMode

	// RetryAfter, if positive, becomes the Retry-After header of the response, in whole
	// seconds, rounded up.
	RetryAfter time.Duration

	// OnError renders a [*TimeoutError], whose status is 504 or 408. It runs on a goroutine of
	// the Timeout's while the handler may still be running. It gets the request from
	// outside: it does not see what the handler sets or deletes in its Header. Its
	// response is sent in one step. If it panics or writes nothing, the response is
	// problem details. Nil is the OnError of the [Config] outside, else problem
	// details.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger gets one record for each 504 or cut, one for each panic of an abandoned
	// handler, and the warning about a writer that blocks. Nil is the Logger of the
	// [Config] outside, else slog.Default.
	Logger *slog.Logger
}

// Validate reports the first setting that [TimeoutWith] would refuse, as an error that
// names it, or nil.
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
		return &timeoutHandler{next: next, cfg: cfg}
	}
}

// Unwrap returns the handler inside, as in layer.New.
func (h *timeoutHandler) Unwrap() http.Handler { return h.next }

// A TimeoutError says that a handler took longer than a [Timeout] allows. OnError gets
// it, and it is the cause of the context that ended.
type TimeoutError struct {
	// Duration is the time that the Timeout allows.
	Duration   time.Duration
	retryAfter time.Duration
	reading    bool
}

// Error returns the text for the log.
func (e *TimeoutError) Error() string {
	if e.reading {
		return fmt.Sprintf("middleware: the client did not send the body within %v", e.Duration)
	}
	return fmt.Sprintf("middleware: the handler did not answer within %v", e.Duration)
}

// StatusCode returns 504, or 408 if the kit was waiting for the rest of the body (RFC
// 9110, sections 15.6.5 and 15.5.9).
func (e *TimeoutError) StatusCode() int {
	if e.reading {
		return http.StatusRequestTimeout
	}
	return http.StatusGatewayTimeout
}

// Timeout returns true, as for the errors of package net.
func (e *TimeoutError) Timeout() bool { return true }

// Unwrap returns context.DeadlineExceeded, as the context does.
func (e *TimeoutError) Unwrap() error { return context.DeadlineExceeded }

// Header returns the Retry-After field of a 504, if RetryAfter is set.
func (e *TimeoutError) Header() http.Header {
	if e.retryAfter <= 0 || e.reading {
		return nil
	}
	seconds := int64((e.retryAfter + time.Second - 1) / time.Second)
	return http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}}
}
