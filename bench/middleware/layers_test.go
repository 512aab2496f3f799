package middleware_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/justinas/alice"

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
	return func(h http.Handler) http.Handler {
		return alice.New(
			middleware.Recover(nil),
			middleware.ResponseLimit(0),
			middleware.Timeout(d),
			bodyparser.New(bodyparser.Config{}),
			routed,
		).Then(h)
	}
}

type key int

// withValues is what layers cost that each keep one value in the context.
func withValues(n int) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		for i := range n {
			next := h
			h = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), key(i), r)))
			})
		}
		return h
	}
}

// BenchmarkLimit is what bounding the body costs: the kit reads it as well.
func BenchmarkLimit(b *testing.B) {
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			b.Fatal(err)
		}
	})
	run(b, 1, read,
		rival{"bare", bare},
		rival{"kit", bodyparser.New(bodyparser.Config{})},
		rival{"kit-raw", bodyparser.New(bodyparser.Config{Raw: true, Limit: 1 << 20})},
		rival{"stdlib-MaxBytesHandler", func(h http.Handler) http.Handler { return http.MaxBytesHandler(h, 1<<20) }},
	)
}

// BenchmarkLayers is the whole kit around a handler that does nothing, for a
// request with a body, which one of the layers reads, and for one without.
func BenchmarkLayers(b *testing.B) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for name, body := range map[string]string{"body": body, "empty": ""} {
		b.Run(name, func(b *testing.B) {
			runWith(b, 1, body, nothing,
				rival{"bare", bare},
				rival{"kit", kitLayers(0)},
				rival{"kit-timeout", kitLayers(time.Minute)},
				rival{"kit-without-parser", func(h http.Handler) http.Handler {
					return alice.New(middleware.Recover(nil), middleware.ResponseLimit(0), routed).Then(h)
				}},
				rival{"six-WithValue", withValues(6)},
			)
		})
	}
}
