package middleware

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/respw"
)

// defaultResponseLimit is that of Next.js.
const defaultResponseLimit = 4 * bytesize.MB

// ResponseLimit returns middleware that logs one warning for each response whose
// body is larger than limit, and lets it pass. It is Next's responseLimit: an
// API is meant to answer quickly, and large media belong on a CDN, or at least
// behind http.ServeContent. 0 is 4 MB, a negative limit (Next.js: false) is
// none, and also lifts the limit of a ResponseLimit further out.
//
// The one nearest to the handler holds. Streams have no size and are exempt:
// whatever package stream opened, and any text/event-stream. To refuse large
// responses see [ResponseLimitWith].
func ResponseLimit(limit bytesize.Size) func(http.Handler) http.Handler {
	return ResponseLimitWith(ResponseLimitConfig{Limit: limit})
}

// A LimitAction is what a [ResponseLimit] does about a response over the limit.
type LimitAction int

const (
	// LimitWarn lets the response pass and logs one record at level Warn, after
	// the handler has returned, with the limit, the size and the pattern. Next
	// does this.
	LimitWarn LimitAction = iota
	// LimitAbort refuses the response: with a 500 through OnError if its length
	// is declared, or if nothing is out yet, else by dropping the
	// connection. What was sent is never left to look whole.
	LimitAbort
)

// A ResponseLimitConfig is a [ResponseLimit] with more to say. The zero value
// warns above 4 MB.
type ResponseLimitConfig struct {
	// Limit is the largest body, in bytes, that is neither warned of nor
	// refused. 0 is 4 MB, negative is none.
	Limit bytesize.Size

	// Action is what to do about a larger one. 0 is [LimitWarn].
	Action LimitAction

	// OnError answers a refused response with a [*ResponseTooLargeError],
	// whose status is 500. Nil is that of the layers outside, such as a [Config],
	// else a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger gets the warnings, and one record for each refusal. Nil is that of the
	// [Config] around it, else slog.Default.
	Logger *slog.Logger
}

// Validate returns what is wrong with the config, nil if nothing is.
func (cfg ResponseLimitConfig) Validate() error {
	if cfg.Action != LimitWarn && cfg.Action != LimitAbort {
		return fmt.Errorf("middleware: unknown LimitAction %d", cfg.Action)
	}
	return nil
}

// A ResponseTooLargeError says that a handler tried to send a body over the limit.
type ResponseTooLargeError struct {
	Limit bytesize.Size
	Size  bytesize.Size // what it tried to send, as far as is known
}

// Error returns the text for the log.
func (e *ResponseTooLargeError) Error() string {
	return fmt.Sprintf("middleware: a response of %d bytes exceeds the limit of %v", e.Size, e.Limit)
}

// StatusCode returns 500: the client has done nothing wrong.
func (e *ResponseTooLargeError) StatusCode() int { return http.StatusInternalServerError }

// ResponseLimitWith is [ResponseLimit] with a config. It panics if the config is
// not valid.
func ResponseLimitWith(cfg ResponseLimitConfig) func(http.Handler) http.Handler {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	if cfg.Limit == 0 {
		cfg.Limit = defaultResponseLimit
	}
	var budget *respw.Budget // nil lifts
	if cfg.Limit > 0 {
		budget = &respw.Budget{Max: int64(cfg.Limit)}
		if cfg.Action == LimitAbort {
			budget.Exceeded = cfg.refuse
		}
	}
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			defer exchange.RemoveFiles(r, r.MultipartForm)
			rw, w := respw.Wrap(w, r)
			respw.Lift(w)
			rw.SetBudget(budget, r)
			if budget != nil && cfg.Action == LimitWarn {
				defer cfg.warn(rw, r, budget)
			}
			next.ServeHTTP(w, r)
		})
	}
}

// warn logs a response that went over the budget, if that is still the one in
// charge.
func (cfg *ResponseLimitConfig) warn(rw *respw.Writer, r *http.Request, budget *respw.Budget) {
	size := rw.Written()
	if size <= budget.Max || rw.Budget() != budget || rw.Streaming() {
		return
	}
	respw.Lift(rw) // once, even if the same middleware stands further out
	httperr.LoggerFor(cfg.Logger, r).LogAttrs(r.Context(), slog.LevelWarn, "apiece: large response",
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
		slog.Int64("size", size),
		slog.Int64("limit", budget.Max))
}

// refuse takes the place of the write that would go over the limit.
func (cfg *ResponseLimitConfig) refuse(rw *respw.Writer, r *http.Request, size int64) {
	err := &ResponseTooLargeError{Limit: cfg.Limit, Size: bytesize.Size(size)}
	sent := rw.Sent()
	if respw.TakenAway(rw) { // asked last: what was taken counts as sent
		return
	}
	if sent {
		httperr.Log(cfg.Logger, r, err.StatusCode(), err)
		respw.Abort(rw, r)
	}
	httperr.Render(rw, r, err, cfg.OnError, cfg.Logger, true)
}
