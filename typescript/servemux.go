package typescript

import (
	"fmt"
	"iter"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// ServeMux returns a handler that [Write] sees into, from routes with the
// patterns of an http.ServeMux: "PUT /api/posts/{id}". It serves them with such a
// mux, which itself does not list its routes. A pattern with a host, or one that
// ends in a slash, is served but not written: it is not a single route. ServeMux
// panics where http.ServeMux does.
func ServeMux(routes map[string]http.Handler) http.Handler {
	m := &mux{}
	byRoute := map[string]byMethod{}
	for _, key := range slices.Sorted(maps.Keys(routes)) {
		m.Handle(key, routes[key])
		method, path, ok := strings.Cut(key, " ")
		if !ok {
			method, path = "", key
		}
		p, ok := parseServeMux(strings.TrimLeft(path, " \t"))
		if !ok {
			continue
		}
		if byRoute[p.String()] == nil {
			byRoute[p.String()] = byMethod{}
			m.patterns = append(m.patterns, p)
		}
		byRoute[p.String()][method] = routes[key]
	}
	m.routes = byRoute
	return m
}

type mux struct {
	http.ServeMux
	patterns []pattern.Pattern
	routes   map[string]byMethod
}

func (m *mux) All() iter.Seq2[pattern.Pattern, http.Handler] {
	return func(yield func(pattern.Pattern, http.Handler) bool) {
		for _, p := range m.patterns {
			if !yield(p, m.routes[p.String()]) {
				return
			}
		}
	}
}

// byMethod has the handlers of a route by method, "" for all methods.
type byMethod map[string]http.Handler

// ServeHTTP is never called: the mux has the handlers.
func (m byMethod) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

func (m byMethod) All() iter.Seq2[string, http.Handler] {
	return func(yield func(string, http.Handler) bool) {
		for _, method := range slices.Sorted(maps.Keys(m)) {
			if !yield(method, m[method]) {
				return
			}
		}
	}
}

// parseServeMux returns the Next.js pattern that matches the same paths as a
// path of http.ServeMux.
func parseServeMux(path string) (pattern.Pattern, bool) {
	if !strings.HasPrefix(path, "/") {
		return pattern.Pattern{}, false
	}
	path = strings.TrimSuffix(path, "{$}")
	segments := strings.Split(path, "/")
	for i, s := range segments {
		name, wild := strings.CutPrefix(s, "{")
		if !wild {
			continue
		}
		name = strings.TrimSuffix(name, "}")
		if name, ok := strings.CutSuffix(name, "..."); ok {
			segments[i] = fmt.Sprintf("[[...%s]]", name) // the rest may be empty
			continue
		}
		segments[i] = "[" + name + "]"
	}
	p, err := pattern.Parse(strings.Join(segments, "/"))
	return p, err == nil && (path == "/" || !strings.HasSuffix(path, "/"))
}
