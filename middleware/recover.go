package middleware

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// Recover returns middleware that turns a panic into one record, with the
// stack, and a 500; nil for the logger is slog.Default. If a part of the
// response is out already the connection is aborted instead: a recoverer that
// returns would end that part in good order, and the client would take it for
// the whole. A response that was complete stays.
//
// A panic with http.ErrAbortHandler passes through, unlogged: it is how a
// handler asks net/http to drop the connection.
//
// Next.js answers a handler that throws in the same way. Without a Recover
// net/http logs the panic and drops the connection.
func Recover(logger *slog.Logger) func(http.Handler) http.Handler {
	return recoverWith(logger, nil)
}

func recoverWith(logger *slog.Logger, onError httperr.Hook) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer exchange.RemoveFiles(r, r.MultipartForm)
			rw, w := respw.Wrap(w, r)
			outer := rw.OnError
			if onError != nil {
				rw.OnError = onError // and that of all inside that have none
			}
			defer func() {
				rw.OnError = outer
				v := recover()
				if v == nil {
					return
				}
				if v == http.ErrAbortHandler {
					panic(v)
				}
				cause := logPanic(logger, r, v)
				switch {
				case rw.Dead() != nil || rw.Hijacked() || rw.Complete():
					// The client has its answer, from us or from others.
				case rw.Committed():
					respw.Abort(w)
				default:
					httperr.Render(w, r, &httperr.Error{Status: http.StatusInternalServerError, Cause: cause}, onError)
				}
			}()
			next.ServeHTTP(w, r)
		})
	}
}

// logPanic writes the record of a panic, from within the deferred call that
// recovered it, and returns the error in it. That has the value as text only:
// a hook that looks for errors it can answer must not find one that nobody has
// returned.
func logPanic(logger *slog.Logger, r *http.Request, v any) error {
	p, ok := v.(*panicError)
	if !ok {
		p = &panicError{value: v, stack: debug.Stack()}
	}
	err := fmt.Errorf("panic: %v", p.value)
	httperr.Log(logger, r, http.StatusInternalServerError, err, p.attr())
	return err
}

func (e *panicError) attr() slog.Attr { return slog.String("stack", string(e.stack)) }
