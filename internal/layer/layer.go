// Package layer makes the handlers that middleware returns, in a form that can
// be seen through.
package layer

import "net/http"

type handler struct {
	next  http.Handler
	serve http.HandlerFunc
}

// New returns serve as the middleware around next: a handler that tells next by
// a method Unwrap() http.Handler, to what looks at a service without running it.
func New(next http.Handler, serve http.HandlerFunc) http.Handler { return &handler{next, serve} }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve(w, r) }

func (h *handler) Unwrap() http.Handler { return h.next }
