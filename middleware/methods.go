package middleware

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
)

// Methods is an http.Handler that chooses by the method of the request, as the
// exports of a Next.js route handler do:
//
//	mux.Handle("/api/posts", middleware.Methods{
//		"GET":  http.HandlerFunc(list),
//		"POST": http.HandlerFunc(create),
//	})
//
// A method without a handler is answered with 405, whatever it is called, and
// an Allow header (RFC 9110, section 15.5.6), which Next.js leaves out: a problem
// document that names the methods too, or what the OnError of the [Config] around
// it makes of an error with that status and message. HEAD runs the handler of GET, and OPTIONS is
// answered with 204 and Allow, unless they have handlers of their own. CORS
// middleware goes outside and takes the preflight requests.
//
// The keys are names as they are sent: upper case. A nil handler is none. The
// zero Methods answers every request with 405. Methods that ServeMux is to
// tell apart ("GET /api/posts") need no Methods: what ServeMux lacks is the
// answer to OPTIONS.
type Methods map[string]http.Handler

// ServeHTTP calls the handler for the method of r.
func (m Methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := m[r.Method]
	if h == nil && r.Method == http.MethodHead {
		h = m[http.MethodGet]
	}
	switch {
	case h != nil:
		defer exchange.RemoveFiles(r, r.MultipartForm)
		h.ServeHTTP(w, r)
	case r.Method == http.MethodOptions:
		w.Header().Set("Allow", m.allow())
		w.WriteHeader(http.StatusNoContent)
	default:
		allow := m.allow()
		w.Header().Set("Allow", allow)
		httperr.Render(w, r, &httperr.Error{
			Status:  http.StatusMethodNotAllowed,
			Message: "The methods of this resource are " + allow,
		}, nil, nil, true)
	}
}

// Methods lists the methods that get another answer than 405, in the order of
// the alphabet: those with a handler, HEAD if there is one for GET, and
// OPTIONS. It is what the Allow header says, for tests that compare what is
// served with what should be.
func (m Methods) Methods() []string {
	methods := []string{http.MethodOptions}
	for method, h := range m {
		if h == nil {
			continue
		}
		methods = append(methods, method)
		if method == http.MethodGet {
			methods = append(methods, http.MethodHead)
		}
	}
	slices.Sort(methods)
	return slices.Compact(methods)
}

// All iterates over the methods that have a handler, in the order of the
// alphabet, and over their handlers. [pattern.Walk] uses it.
//
// [pattern.Walk]: https://pkg.go.dev/github.com/apiece/apiece/pattern#Walk
func (m Methods) All() iter.Seq2[string, http.Handler] {
	return func(yield func(string, http.Handler) bool) {
		for _, method := range slices.Sorted(maps.Keys(m)) {
			if h := m[method]; h != nil && !yield(method, h) {
				return
			}
		}
	}
}

func (m Methods) allow() string { return strings.Join(m.Methods(), ", ") }
