// Package layer makes the handlers that middleware returns, with access to the handler
// inside.
package layer

import "net/http"

type handler struct {
	next  http.Handler
	serve http.HandlerFunc
}

// New returns serve as the middleware around next. Its method Unwrap() http.Handler
// returns next, for tools that inspect a service without running it.
func New(next http.Handler, serve http.HandlerFunc) http.Handler { return &handler{next, serve} }

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.serve(w, r) }

func (h *handler) Unwrap() http.Handler { return h.next }
