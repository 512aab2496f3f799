package middleware

import (
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// Unresolved returns middleware that logs one warning, with method and path, when a
// handler returns without a response: no write, no status, no flush, no hijacking.
// net/http then sends an empty 200, which is legal in Go and sometimes intended, so
// this is opt-in. A nil logger is the one of the [Config] outside, else slog.Default.
//
// Next.js warns by default ("API resolved without sending a response"), unless
// externalResolver is true; here, leave Unresolved out.
func Unresolved(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			defer exchange.RemoveFiles(r, r.MultipartForm)
			rw, w := response.Wrap(w, r)
			next.ServeHTTP(w, r)
			if rw.Committed() || r.Context().Err() != nil || exchange.IsDetached(r) {
				return
			}
			problem.LoggerFor(logger, r).LogAttrs(r.Context(), slog.LevelWarn, "apiece: no response",
				slog.String("method", r.Method),
				slog.String("path", r.URL.Path),
				slog.String("pattern", r.Pattern))
		})
	}
}
