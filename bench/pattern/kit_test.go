package pattern_test

import (
	"net/http"
	"testing"

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

func group[H any](routes []route, handler func(at string) H) map[string]*byMethod[H] {
	paths := map[string]*byMethod[H]{}
	for _, r := range routes {
		if paths[r.path] == nil {
			paths[r.path] = new(byMethod[H])
		}
		*paths[r.path].of(r.method) = handler(r.path)
	}
	return paths
}

// kit table is a Table with handlers that take the parameters as an argument,
// which is what a router on top of it would have.
var kitTable = router{"kit table", false, func(routes []route, read string) http.Handler {
	type native func(http.ResponseWriter, *http.Request, pattern.Params)
	table, err := pattern.NewTable(group(routes, func(at string) native {
		if read == "" {
			return func(http.ResponseWriter, *http.Request, pattern.Params) {}
		}
		return func(_ http.ResponseWriter, _ *http.Request, p pattern.Params) { ran(at, p.Get(read)) }
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

func kitMount(routes []route, noValues bool, handler func(at string) http.Handler) http.Handler {
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

var kitHandler = router{"kit handler", true, func(routes []route, read string) http.Handler {
	return kitMount(routes, false, func(at string) http.Handler { return pathValue(at, read) })
}}

var kitNoValues = router{"kit no values", true, func(routes []route, read string) http.Handler {
	return kitMount(routes, true, func(at string) http.Handler {
		if read == "" {
			return http.HandlerFunc(nothing)
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			value := ""
			for _, v := range pattern.Values(r, read) {
				value += v
			}
			ran(at, value)
		})
	})
}}

// pathValue reads what net/http has.
func pathValue(at, read string) http.HandlerFunc {
	if read == "" {
		return nothing
	}
	return func(w http.ResponseWriter, r *http.Request) { ran(at, r.PathValue(read)) }
}

// BenchmarkNewTable is the cost of a table of 10,000 routes alone.
func BenchmarkNewTable(b *testing.B) {
	routes := map[string]int{}
	for _, r := range scale(10000) {
		routes[r.path] = len(routes)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pattern.NewTable(routes); err != nil {
			b.Fatal(err)
		}
	}
}
