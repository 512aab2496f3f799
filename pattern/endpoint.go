package pattern

import (
	"iter"
	"net/http"
	"slices"
)

// An Endpoint is where requests for one route end, or for one method of a route.
type Endpoint struct {
	// Pattern is the route. It is the zero Pattern outside of a [Handler].
	Pattern Pattern

	// Method is the HTTP method. It is empty where all methods have one handler,
	// or where what chooses between them cannot be seen into.
	Method string

	// Layers are the handlers on the way, from the outside. The last of them
	// serves, as far as can be seen.
	Layers []http.Handler
}

// Handler returns the handler that serves, the last of the layers.
func (e Endpoint) Handler() http.Handler { return e.Layers[len(e.Layers)-1] }

// maxLayers bounds how many handlers may stand within each other. More is taken
// for handlers that lead in a circle.
const maxLayers = 1000

// Walk iterates over the endpoints of a handler, for tests and
// generators. It sees into a handler that has one of these methods, and runs none:
//
//	All() iter.Seq2[Pattern, http.Handler]  handlers by route, as a Handler has it
//	All() iter.Seq2[string, http.Handler]   handlers by method, as middleware.Methods has it
//	Unwrap() http.Handler                   the handler inside of a middleware
//
// Every middleware of this module has the last, and so do chains of them that
// alice makes. A middleware of the usual kind returns an http.HandlerFunc, which
// hides what is inside: there Walk ends. To be seen through it returns a type
// with that method.
func Walk(h http.Handler) iter.Seq[Endpoint] {
	return func(yield func(Endpoint) bool) {
		if h != nil {
			Endpoint{}.walk(h, yield)
		}
	}
}

// walk reports whether to go on. Each endpoint gets layers of its own.
func (e Endpoint) walk(h http.Handler, yield func(Endpoint) bool) bool {
	for len(e.Layers) < maxLayers {
		e.Layers = append(slices.Clip(e.Layers), h)
		var inside http.Handler
		some := false
		switch v := h.(type) {
		case interface {
			All() iter.Seq2[Pattern, http.Handler]
		}:
			for p, next := range v.All() {
				if e.Pattern = p; !e.walk(next, yield) {
					return false
				}
			}
			return true
		case interface {
			All() iter.Seq2[string, http.Handler]
		}:
			for method, next := range v.All() {
				some = true
				if e.Method = method; !e.walk(next, yield) {
					return false
				}
			}
			if some {
				return true
			}
		case interface{ Unwrap() http.Handler }:
			inside = v.Unwrap()
		}
		if inside == nil {
			break
		}
		h = inside
	}
	return yield(e)
}
