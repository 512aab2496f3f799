package middleware

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
)

// routed is the innermost layer: the handler behind a route with a parameter.
func routed(h http.Handler) http.Handler {
	routes, err := pattern.NewHandler(map[string]http.Handler{"/api/post/[pid]": h}, pattern.HandlerConfig{NoPathValues: true})
	if err != nil {
		panic(err)
	}
	return routes
}

// kitLayers is Recover, ResponseLimit, a body parser and a route; and Timeout,
// if d is not 0.
func kitLayers(d time.Duration) func(http.Handler) http.Handler {
	return alice.New(
		middleware.Recover(nil),
		middleware.ResponseLimit(0),
		middleware.Timeout(d),
		bodyparser.New(bodyparser.Config{}),
		routed,
	).Then
}

type key int

// withValues is the cost of layers that each store one value in the context.
func withValues(n int) func(http.Handler) http.Handler {
	return repeated(n, func(i int) alice.Constructor {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key(i), r)))
			})
		}
	})
}

// wrapping is the cost of layers that each wrap the writer in a struct that embeds
// it, and so hide Flush, Hijack and ReadFrom from the handler. A real layer must not
// do that.
func wrapping(n int) func(http.Handler) http.Handler {
	type wrapper struct{ http.ResponseWriter }
	return repeated(n, func(int) alice.Constructor {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(&wrapper{w}, r) })
		}
	})
}

func chiWrappers(name string, n int) rival {
	return rival{name: name, module: chiModule, wrap: repeated(n, func(int) alice.Constructor { return chiWrapper })}
}

// calling is the cost of layers that do nothing.
func calling(n int) func(http.Handler) http.Handler {
	return repeated(n, func(int) alice.Constructor {
		return func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
		}
	})
}

// kitOf is n layers of the kit: each piece that needs no setting once, and then
// those that may stand around each other again.
func kitOf(n int) func(http.Handler) http.Handler {
	again := []alice.Constructor{middleware.Recover(nil), middleware.ResponseLimit(0), middleware.Unresolved(nil)}
	once := []alice.Constructor{bodyparser.New(bodyparser.Config{}), routed}
	return repeated(n, func(i int) alice.Constructor {
		switch i {
		case 3, 4:
			return once[i-3]
		}
		return again[i%len(again)]
	})
}

func repeated(n int, layer func(int) alice.Constructor) func(http.Handler) http.Handler {
	chain := alice.New()
	for i := range n {
		chain = chain.Append(layer(i))
	}
	return chain.Then
}

// layers are the whole kit around a handler that does nothing, for a request
// without a body and for one with a body, which one of the layers reads; and
// more and more layers around a handler that answers.
func layers() []compare.Comparison {
	nothing := func(http.ResponseWriter, *http.Request) {}
	four := []rival{
		bare,
		kit("kit", kitLayers(0)),
		kit("kit with Timeout", kitLayers(time.Minute)),
		kit("kit without parser", alice.New(middleware.Recover(nil), middleware.ResponseLimit(0), routed).Then),
		stdlib("six WithValue", withValues(6)),
		chiWrappers("six chi WrapResponseWriter", 6),
		rival{name: "six plain wrappers, no Flush", role: compare.Floor, wrap: wrapping(6)},
	}
	const text = "Recover, ResponseLimit, a body parser and a route, around a handler that does nothing"
	all := []compare.Comparison{
		around("Layers", text+", for a request without a body", 1, "", nothing, four...),
		around("LayersBody", text+", for a request with a body, which the parser reads", 1, body, nothing, four...),
	}
	for _, n := range []int{0, 1, 2, 4, 6, 8, 10, 12} {
		c := around(fmt.Sprintf("Layers%d", n), fmt.Sprintf("%d layers around a handler that answers 204", n), 1, "",
			func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) },
			rival{name: "layers that do nothing", role: compare.Floor, wrap: calling(n)},
			kit("kit", kitOf(n)),
			rival{name: "plain wrappers, no Flush", role: compare.Floor, wrap: wrapping(n)},
			chiWrappers("wrappers of chi", n),
			stdlib("context values", withValues(n)),
		)
		c.Growth, c.Size = "layers", float64(n)
		all = append(all, c)
	}
	return all
}
