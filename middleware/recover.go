package middleware

import (
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/respw"
)

// Recover returns middleware that turns a panic into one record, with the
// stack, and a 500. Nil for the logger is that of the [Config] around it, else
// slog.Default. If a part of the response is out already the connection is aborted
// instead: a recoverer that returns would end that part in good order, and the
// client would take it for the whole. A response that was complete stays.
//
// A panic with http.ErrAbortHandler passes through, unlogged: it is how a
// handler asks net/http to drop the connection. Over HTTP/1.0, where the end of
// the connection is the end of a body, a part that was sent is cut by a reset.
//
// Next.js answers a handler that throws in the same way. Without a Recover
// net/http logs the panic and drops the connection.
func Recover(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			defer exchange.RemoveFiles(r, r.MultipartForm)
			rw, w := respw.Wrap(w, r)
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				var cause error
				if v != http.ErrAbortHandler {
					cause = httperr.LogPanic(logger, r, v)
				}
				switch rw.Standing() {
				case respw.Free:
					if cause != nil {
						httperr.Render(w, r, &httperr.Error{Status: http.StatusInternalServerError, Cause: cause}, nil, logger, false)
					}
				case respw.Part:
					respw.Abort(w, r)
				}
				if cause == nil {
					panic(v)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}
