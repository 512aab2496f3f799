package pattern

import (
	"iter"
	"net/http"
	"slices"
)

// An Endpoint is the end of one route, or of one method of a route.
type Endpoint struct {
	// Pattern is the route. It is the zero Pattern outside of a [Handler].
	Pattern Pattern

	// Method is the HTTP method. It is empty if one handler serves all methods, or
	// all others, and if Walk cannot see into what chooses the method.
	Method string

	// Layers are the handlers from the outside to the inside. The last of them
	// serves, as far as Walk can see.
	Layers []http.Handler
}

// Handler returns the handler that serves: the last of the layers.
func (e Endpoint) Handler() http.Handler { return e.Layers[len(e.Layers)-1] }

// maxLayers limits the nesting of handlers. More is taken for a cycle.
const maxLayers = 1000

// Walk iterates over the endpoints of a handler, for tests and generators. It sees
// into a handler with one of these methods, and runs none:
//
//	All() iter.Seq2[Pattern, http.Handler]  handlers by route, as a Handler has it
//	All() iter.Seq2[string, http.Handler]   handlers by method, as middleware.Methods has it; "" is for all others
//	Unwrap() http.Handler                   the handler inside of a middleware
//
// All middleware of this module has the last one, as do the chains that alice
// makes of it. Other middleware usually returns an http.HandlerFunc, which hides
// the handler inside: Walk ends there. To be visible, return a type with that
// method.
func Walk(h http.Handler) iter.Seq[Endpoint] {
	return func(yield func(Endpoint) bool) {
		if h != nil {
			Endpoint{}.walk(h, yield)
		}
	}
}

// walk reports whether to go on. Each endpoint gets its own layers.
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
