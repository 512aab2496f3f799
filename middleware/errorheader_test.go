package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestErrorDropsHeader: fields that describe the unsent response do not apply to the
// error in its place: a cache would keep the error, a browser save it under a name.
// Fields of layers outside stay.
func TestErrorDropsHeader(t *testing.T) {
	dropped := map[string]string{
		"Cache-Control":       "public, max-age=3600",
		"Expires":             "Thu, 01 Jan 2099 00:00:00 GMT",
		"CDN-Cache-Control":   "max-age=3600",
		"Surrogate-Control":   "max-age=3600",
		"Content-Disposition": `attachment; filename="report.csv"`,
		"Content-Range":       "bytes 0-9/100",
		"Content-Encoding":    "br",
		"Etag":                `"1"`,
		"Last-Modified":       "Thu, 01 Jan 2026 00:00:00 GMT",
	}
	kept := map[string]string{"Access-Control-Allow-Origin": "https://app.test", "X-Request-Id": "1"}
	set := func(w http.ResponseWriter) {
		for name, value := range dropped {
			w.Header().Set(name, value)
		}
	}
	for name, h := range map[string]http.Handler{
		"an error": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			set(w)
			return reply.NewError(http.StatusNotFound, "no such page")
		}),
		"JSON of a channel": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			set(w)
			reply.JSON(w, r, 200, make(chan int))
		}),
		"a panic":   middleware.Recover(discard)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { set(w); panic("broken") })),
		"a timeout": timed(new(testkit.Log), func(w http.ResponseWriter, r *http.Request) { set(w); late(w, r) }),
		"a held response": timed(new(testkit.Log), func(w http.ResponseWriter, r *http.Request) {
			set(w)
			w.Write([]byte("part"))
			late(w, r)
		}),
		"a timeout that is set outside": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			set(w)
			timed(new(testkit.Log), late).ServeHTTP(w, r)
		}),
		"a limit": middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort, Logger: discard})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { set(w); w.Write(make([]byte, 100)) })),
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				outside := middleware.New(middleware.Config{Logger: discard})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					for name, value := range kept {
						w.Header().Set(name, value)
					}
					h.ServeHTTP(w, r)
				}))
				resp := tr.Do(t, outside, httptest.NewRequest("GET", "/", nil))
				testkit.Body(t, resp)
				if resp.StatusCode < 400 {
					t.Fatalf("status %d", resp.StatusCode)
				}
				for name := range dropped {
					if value := resp.Header.Values(name); value != nil {
						t.Errorf("%s: %v", name, value)
					}
				}
				for name, want := range kept {
					if value := resp.Header.Get(name); value != want {
						t.Errorf("%s: %q, want %q", name, value, want)
					}
				}
			})
		})
	}
}
