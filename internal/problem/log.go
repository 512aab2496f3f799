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
	record(logger, r, "apiece: request failed", append([]slog.Attr{slog.Int("status", status), slog.Any("error", err)}, more...))
}

func record(logger *slog.Logger, r *http.Request, message string, more []slog.Attr) {
	attrs := append([]slog.Attr{
		slog.String("method", r.Method),
		slog.String("pattern", cmp.Or(r.Pattern, r.URL.Path)),
	}, more...)
	if exchange.IsDetached(r) { // no client has seen it
		attrs = append(attrs, slog.Bool("revalidation", true))
	}
	response.Safely(func() { LoggerFor(logger, r).LogAttrs(r.Context(), slog.LevelError, message, attrs...) })
}

// LoggerFor returns logger, or if it is nil the one of the layers outside, else
// slog.Default.
func LoggerFor(logger *slog.Logger, r *http.Request) *slog.Logger {
	if logger == nil {
		logger = exchange.DefaultsFor(r).Logger
	}
	return cmp.Or(logger, slog.Default())
}
