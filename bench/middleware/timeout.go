package middleware

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/middleware"
)

// timeouts are a handler that writes little, one that watches its context, and
// one that writes a megabyte, on each protocol.
func timeouts() (all []compare.Comparison) {
	large := []byte(strings.Repeat("x", 1<<20))
	handlers := []struct {
		name, text string
		http.HandlerFunc
	}{
		{"Timeout", "a handler that writes 100 bytes", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(large[:100]) }},
		{"TimeoutWatched", "a handler that looks at its context before it writes 100 bytes", func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			default:
				_, _ = w.Write(large[:100])
			}
		}},
		{"Timeout1MB", "a handler that writes 1 MB", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(large) }},
	}
	for _, protocol := range []int{1, 2} {
		for _, h := range handlers {
			all = append(all, around(fmt.Sprintf("%sHTTP%d", h.name, protocol), fmt.Sprintf("%s, over HTTP/%d", h.text, protocol), protocol, body, h.HandlerFunc,
				bare,
				kit("kit", middleware.Timeout(time.Minute)),
				stdlib("http.TimeoutHandler", func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") }),
				chiTimeout,
				echoTimeout,
			))
		}
	}
	return all
}
