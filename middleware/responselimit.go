package middleware

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// defaultResponseLimit is the default of Next.js.
const defaultResponseLimit = 4 * bytesize.MB

// ResponseLimit returns middleware that logs one warning for each response whose body
// is larger than limit, and lets it pass. It is responseLimit of Next.js: large media
// belong on a CDN, or at least in http.ServeContent. 0 is 4 MB. A negative limit
// (Next.js: false) disables it, and also lifts the limit of a ResponseLimit further
// out.
//
// The innermost limit applies. Streams have no size and are exempt: everything that
// package stream opened, and any text/event-stream. To reject large responses see
// [ResponseLimitWith].
func ResponseLimit(limit bytesize.Size) func(http.Handler) http.Handler {
	return ResponseLimitWith(ResponseLimitConfig{Limit: limit})
}

// A LimitAction says what a [ResponseLimit] does with a response over the limit.
type LimitAction int

const (
	// LimitWarn lets the response pass and logs one record at level Warn, with the
	// limit, the size and the pattern, after the handler has returned. So does Next.js.
	LimitWarn LimitAction = iota
	// LimitAbort rejects the response. If nothing was sent yet, as when its length is
	// declared, the client gets a 500 through OnError, and Write returns an error.
	// Otherwise Write panics with [http.ErrAbortHandler], which drops the connection:
	// the client never takes a part for the whole response.
	LimitAbort
)

// A ResponseLimitConfig configures [ResponseLimitWith]. The zero value warns above 4
// MB.
type ResponseLimitConfig struct {
	// Limit is the largest body, in bytes, that passes without a warning or a
	// rejection. 0 is 4 MB, negative disables it.
	Limit bytesize.Size

	// Action says what to do with a larger body. 0 is [LimitWarn].
	Action LimitAction

	// OnError renders a rejected response with a [*ResponseTooLargeError], whose status
	// is 500. Nil is the OnError of the layers outside, such as a [Config], else
	// problem details.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger gets the warnings, and one record for each rejection. Nil is the Logger of
	// the [Config] outside, else slog.Default.
	Logger *slog.Logger
}

// Validate reports the first setting that [ResponseLimitWith] would refuse, as an error
// that names it, or nil.
func (cfg ResponseLimitConfig) Validate() error {
	if cfg.Action != LimitWarn && cfg.Action != LimitAbort {
		return fmt.Errorf("middleware: unknown LimitAction %d", cfg.Action)
	}
	return nil
}

// A ResponseTooLargeError says that a handler tried to send a body over the limit.
type ResponseTooLargeError struct {
	Limit bytesize.Size
	Size  bytesize.Size // what it tried to send, as far as known
}

// Error returns the text for the log.
func (e *ResponseTooLargeError) Error() string {
	return fmt.Sprintf("middleware: a response of %d bytes exceeds the limit of %v", e.Size, e.Limit)
}

// StatusCode returns 500: the client did nothing wrong.
func (e *ResponseTooLargeError) StatusCode() int { return http.StatusInternalServerError }

// ResponseLimitWith is [ResponseLimit] with a config. It panics if the config is not
// valid.
func ResponseLimitWith(cfg ResponseLimitConfig) func(http.Handler) http.Handler {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultResponseLimit
	}
	var budget *response.Budget // nil lifts the limit
	if cfg.Limit > 0 {
		budget = &response.Budget{Max: int64(cfg.Limit)}
		if cfg.Action == LimitAbort {
			budget.Exceeded = cfg.reject
		}
	}
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			defer exchange.RemoveFiles(r, r.MultipartForm)
			rw, w := response.Wrap(w, r)
			response.Lift(w)
			rw.SetBudget(budget, r)
			if budget != nil && cfg.Action == LimitWarn {
				defer cfg.warn(rw, r, budget)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// warn logs a response that went over the budget, if that budget still applies.
func (cfg *ResponseLimitConfig) warn(rw *response.Writer, r *http.Request, budget *response.Budget) {
	size := rw.Written()
	if size <= budget.Max || rw.Budget() != budget || rw.Streaming() {
		return
	}
	response.Lift(rw) // once, even if the same middleware is also further out
	problem.LoggerFor(cfg.Logger, r).LogAttrs(r.Context(), slog.LevelWarn, "apiece: large response",
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
		slog.Int64("size", size),
		slog.Int64("limit", budget.Max))
}

// reject replaces the write that would exceed the limit.
func (cfg *ResponseLimitConfig) reject(rw *response.Writer, r *http.Request, size int64) {
	err := &ResponseTooLargeError{Limit: cfg.Limit, Size: bytesize.Size(size)}
	sent := rw.Sent()
	if response.TakenAway(rw) { // asked last: a response that was taken counts as sent
		return
	}
	if sent {
		problem.Log(cfg.Logger, r, err.StatusCode(), err)
		response.Abort(rw, r)
	}
	problem.Render(rw, r, err, cfg.OnError, cfg.Logger, true)
}
