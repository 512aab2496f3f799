package middleware

import (
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
)

// Methods is an http.Handler that dispatches by request method, like the exports of a
// Next.js route handler:
//
//	mux.Handle("/api/posts", middleware.Methods{
//		"GET":  http.HandlerFunc(list),
//		"POST": http.HandlerFunc(create),
//	})
//
// A method without a handler gets 405 with an Allow header (RFC 9110, section 15.5.6),
// which Next.js omits. The body is problem details that list the methods, unless the
// OnError of the [Config], or of the pattern.HandlerConfig, outside renders the error.
// HEAD runs the handler of GET, and OPTIONS gets 204 with Allow, unless they have
// handlers of their own. CORS middleware goes outside and answers preflight requests.
//
// The keys are upper-case method names, as sent. A nil handler counts as absent. The
// zero Methods responds to every request with 405. ServeMux patterns with a method
// ("GET /api/posts") do not need Methods, except for the response to OPTIONS.
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
		problem.Render(w, r, &problem.Error{
			Status:  http.StatusMethodNotAllowed,
			Message: "The methods of this resource are " + allow,
		}, nil, nil, true)
	}
}

// Methods returns, sorted, the methods that do not get 405: those with a handler, HEAD
// if GET has one, and OPTIONS. It equals the Allow header, for tests that compare the
// served methods with the expected ones.
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

// All iterates over the methods that have a handler, sorted, and their handlers.
// [pattern.Walk] uses it.
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
