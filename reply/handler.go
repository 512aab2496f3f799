package reply

import (
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// A HandlerFunc is an http.Handler that may fail. It responds to the error like
// a [Handler] without an onError; see there for the rules.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

// ServeHTTP calls f and responds to its error.
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve(f, nil, w, r)
}

// Handler returns an http.Handler that calls fn and has onError respond to the error
// it returns. A nil onError is the OnError of the middleware.Config around it, else
// [Problem].
//
// A response of 500 or above is logged once, with method, pattern and error, in the
// Logger of the middleware.Config around it, else in slog.Default; one below is not
// logged. onError writes into memory, and the result is sent at once; if it writes
// nothing the client gets a 500.
//
// No request gets two responses: onError is not called after [JSON] or [Send] have
// responded on this w, nor after middleware has responded for the handler. This
// depends on the response, never on the error: the error of another response is
// handled like any other.
//
// If the header is already sent the error is logged, and unless the body is complete
// the connection is aborted, since anything appended would pass for part of the body.
// If the client has gone, or the context of the request was canceled otherwise,
// nothing is written and the connection is aborted, so that the layers outside see no
// empty 200. An fn that returns http.ErrAbortHandler aborts without logging.
func Handler(fn HandlerFunc, onError func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(fn, onError, w, r)
	})
}

func serve(fn HandlerFunc, onError problem.ErrorHook, w http.ResponseWriter, r *http.Request) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	_, w = response.Wrap(w, r)                          // records what is sent before fn fails
	inside := exchange.WithDefaults(w, r, onError, nil) // for what fn calls
	if inside == r {
		inside = exchange.WithWriter(w, r)
	}
	defer exchange.HandBack(r, inside)
	r = inside
	if err := fn(w, r); err != nil {
		problem.Handle(w, r, err, onError, nil)
	}
}
