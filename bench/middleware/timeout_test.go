package middleware_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware"
)

var timeouts = []rival{
	{"bare", bare},
	{"kit", middleware.Timeout(time.Minute)},
	{"stdlib", func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }},
	chiTimeout,
	echoTimeout,
}

// BenchmarkTimeout is a handler that writes little, one that watches its
// context, and one that writes a megabyte, on each protocol.
func BenchmarkTimeout(b *testing.B) {
	large := []byte(strings.Repeat("x", 1<<20))
	handlers := []struct {
		name string
		http.HandlerFunc
	}{
		{"small", func(w http.ResponseWriter, r *http.Request) { w.Write(large[:100]) }},
		{"watching", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			default:
				w.Write(large[:100])
			}
		}},
		{"1MiB", func(w http.ResponseWriter, r *http.Request) { w.Write(large) }},
	}
	for _, h := range handlers {
		b.Run(h.name+"/http1", func(b *testing.B) { run(b, 1, h, timeouts...) })
		b.Run(h.name+"/http2", func(b *testing.B) { run(b, 2, h, timeouts...) })
	}
}
