package problem

import (
	"cmp"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/response"
)

// Log writes the one record of a response of 500 or above. A nil logger is the one of
// the layers outside, else slog.Default. A panic of the logger is ignored.
func Log(logger *slog.Logger, r *http.Request, status int, err error, more ...slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
		slog.Int("status", status),
		slog.Any("error", err),
	}, more...)
	response.Safely(func() {
		LoggerFor(logger, r).LogAttrs(r.Context(), slog.LevelError, "apiece: request failed", attrs...)
	})
}

// LoggerFor returns logger, or if it is nil the one of the layers outside, else
// slog.Default.
func LoggerFor(logger *slog.Logger, r *http.Request) *slog.Logger {
	if logger == nil {
		logger = exchange.DefaultsFor(r).Logger
	}
	return cmp.Or(logger, slog.Default())
}
