package middleware

import (
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// Recover returns middleware that turns a panic into one log record, with the stack,
// and a 500. A nil logger is the one of the [Config] outside, else slog.Default. If
// part of the response was sent, Recover aborts the connection instead: otherwise the
// client would take that part for the whole response. A response that was complete
// stays.
//
// A panic with http.ErrAbortHandler passes through without a log record: it is how a
// handler asks net/http to drop the connection. Over HTTP/1.0, where the end of the
// connection is the end of a body, a part that was sent is cut by a TCP reset.
//
// Next.js also responds with 500 to a handler that throws. Without Recover, net/http
// logs the panic and drops the connection.
func Recover(logger *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return layer.New(next, func(w http.ResponseWriter, r *http.Request) {
			defer exchange.RemoveFiles(r, r.MultipartForm)
			rw, w := response.Wrap(w, r)
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				var cause error
				switch {
				case v == http.ErrAbortHandler:
				case rw.Standing() == response.Gone:
					cause = problem.LogLatePanic(logger, r, v)
				default:
					cause = problem.LogPanic(logger, r, v)
				}
				switch rw.Standing() {
				case response.Free:
					if cause != nil {
						problem.Render(w, r, &problem.Error{Status: http.StatusInternalServerError, Cause: cause}, nil, logger, false)
					}
				case response.Part:
					response.Abort(w, r)
				}
				if cause == nil {
					panic(v)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}
