package pattern

import (
	"net/http"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// byMethod is a route's handlers, one for each method. The kit matches paths
// only, so the routes of a path are put together here.
type byMethod[H any] struct {
	get, post, put, patch, del, other H
}

func (m *byMethod[H]) of(method string) *H {
	switch method {
	case http.MethodGet:
		return &m.get
	case http.MethodPost:
		return &m.post
	case http.MethodPut:
		return &m.put
	case http.MethodPatch:
		return &m.patch
	case http.MethodDelete:
		return &m.del
	}
	return &m.other
}

func group[H any](routes []route, handler func(route) H) map[string]*byMethod[H] {
	paths := map[string]*byMethod[H]{}
	for _, r := range routes {
		if paths[r.path] == nil {
			paths[r.path] = new(byMethod[H])
		}
		*paths[r.path].of(r.method) = handler(r)
	}
	return paths
}

// kit table is a Table with handlers that take the parameters as an argument,
// which is what a router on top of it would have.
var kitTable = router{"kit table", native, "", func(routes []route) http.Handler {
	type native func(http.ResponseWriter, *http.Request, pattern.Params)
	table, err := pattern.NewTable(group(routes, func(at route) native {
		if at.read == "" {
			return func(http.ResponseWriter, *http.Request, pattern.Params) {}
		}
		return func(_ http.ResponseWriter, _ *http.Request, p pattern.Params) { ran(at.path, p.Get(at.read)) }
	}))
	if err != nil {
		panic(err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m, err := table.MatchURL(r.URL)
		if err != nil {
			return
		}
		if h := *m.Value.of(r.Method); h != nil {
			h(w, r, m.Params)
		}
	})
}}

type methods struct{ byMethod[http.Handler] }

func (m *methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := *m.of(r.Method); h != nil {
		h.ServeHTTP(w, r)
	}
}

func kitMount(routes []route, noValues bool, handler func(route) http.Handler) http.Handler {
	handlers := map[string]http.Handler{}
	for path, m := range group(routes, handler) {
		handlers[path] = &methods{*m}
	}
	h, err := pattern.NewHandler(handlers, pattern.HandlerConfig{NoPathValues: noValues, NotFound: http.HandlerFunc(nothing)})
	if err != nil {
		panic(err)
	}
	return h
}

var kitHandler = router{"kit handler", std, "", func(routes []route) http.Handler {
	return kitMount(routes, false, func(at route) http.Handler { return pathValue(at) })
}}

var kitNoValues = router{"kit no values", std, "", func(routes []route) http.Handler {
	return kitMount(routes, true, func(at route) http.Handler {
		if at.read == "" {
			return http.HandlerFunc(nothing)
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ran(at.path, strings.Join(pattern.Values(r, at.read), "/"))
		})
	})
}}

// pathValue reads what net/http has.
func pathValue(at route) http.HandlerFunc {
	if at.read == "" {
		return nothing
	}
	return func(w http.ResponseWriter, r *http.Request) { ran(at.path, r.PathValue(at.read)) }
}

// tableAlone is the cost of a Table for routes that are a map already.
func tableAlone(routes []route) func() {
	paths := map[string]int{}
	for i, r := range routes {
		paths[r.path] = i
	}
	return func() {
		if _, err := pattern.NewTable(paths); err != nil {
			panic(err)
		}
	}
}
