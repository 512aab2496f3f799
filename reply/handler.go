package reply

import (
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// A HandlerFunc is an http.Handler that may fail. What it returns is answered
// as by a [Handler] without an onError; see there for the rules.
type HandlerFunc func(http.ResponseWriter, *http.Request) error

// ServeHTTP calls f and answers its error.
func (f HandlerFunc) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	serve(f, nil, w, r)
}

// Handler returns an http.Handler that calls fn and has onError answer what it
// returns. A nil onError is that of the chain around it, the OnError of
// middleware.Config, and [Problem] if there is none.
//
// A response of 500 or more leaves one record, with method, pattern and error, in
// the Logger of the middleware.Config around it, else in slog.Default; one below
// leaves none. Nothing is answered twice: not by onError what [JSON] or [Send]
// have answered on this w, nothing after middleware has answered for the handler.
// What was answered is a fact about this response, never about the error: an
// error of another response is answered like any other. If the client has gone, or the
// context of the request was cancelled by anyone else, nothing is written and
// the connection is aborted, which leaves no empty 200 to those outside.
// If the header is out already the error is logged, and unless the body is
// complete the connection is aborted, since anything appended would pass for
// part of the body. onError writes into memory, and what it wrote is sent in one
// step; if it writes nothing the client gets a 500. An fn
// that returns http.ErrAbortHandler aborts without a record.
func Handler(fn HandlerFunc, onError func(http.ResponseWriter, *http.Request, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		serve(fn, onError, w, r)
	})
}

func serve(fn HandlerFunc, onError httperr.Hook, w http.ResponseWriter, r *http.Request) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	_, w = respw.Wrap(w, r)                    // so that it is known what is sent when fn fails
	inside := exchange.Say(w, r, onError, nil) // to what fn calls
	if inside == r {
		inside = exchange.WithWriter(w, r)
	}
	defer exchange.HandBack(r, inside)
	r = inside
	if err := fn(w, r); err != nil {
		httperr.Handle(w, r, err, onError, nil)
	}
}
