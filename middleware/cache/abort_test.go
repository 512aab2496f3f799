package cache_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
)

// recoverer is a middleware that recovers from every panic.
func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { _ = recover() }()
		next.ServeHTTP(w, r)
	})
}

// halfway are handlers that begin a response and cannot finish it.
func halfway(log *testkit.Log) map[string]http.Handler {
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort, Logger: log.Logger()})
	timeout := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 10 * time.Millisecond, Logger: log.Logger()})
	return map[string]http.Handler{
		"limit": limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "part")
			io.WriteString(w, "and more than is allowed")
		})),
		"timeout": timeout(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "part")
			<-r.Context().Done()
		})),
		"panic": middleware.Recover(log.Logger())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "part")
			panic("broken")
		})),
	}
}

// TestAbortedResponseIsNotStored: a truncated response is not stored, and no client takes
// it for the whole, with a recoverer inside of the cache or outside.
func TestAbortedResponseIsNotStored(t *testing.T) {
	var log testkit.Log
	for name, h := range halfway(&log) {
		for where, layers := range map[string]struct {
			inside, outside func(http.Handler) http.Handler
		}{
			"nowhere": {testkit.Foreign()["none"], testkit.Foreign()["none"]},
			"inside":  {recoverer, testkit.Foreign()["none"]},
			"outside": {testkit.Foreign()["none"], recoverer},
		} {
			t.Run(name+", recovered "+where, func(t *testing.T) {
				testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
					s := newSite(forAnHour(), layers.inside(h).ServeHTTP)
					client, url := tr.Serve(t, layers.outside(s))
					for range 2 {
						resp, err := client.Get(url)
						if err != nil {
							continue // cut before the header
						}
						body, err := io.ReadAll(resp.Body)
						resp.Body.Close()
						if err == nil && resp.StatusCode < 500 {
							t.Errorf("%d %q passes for a whole response (%s)", resp.StatusCode, body, resp.Header["Cache-Status"])
						}
					}
					if s.runs.Load() < 2 { // clients retry on a connection that was cut
						t.Errorf("%d runs for two requests", s.runs.Load())
					}
				})
			})
		}
	}
}

// wrapper is another package's, so that layers inside and outside do not join.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// TestAbortedResponseFlushed: a held response may be flushed after it was aborted.
func TestAbortedResponseFlushed(t *testing.T) {
	var log testkit.Log
	h := recoverer(halfway(&log)["limit"])
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(wrapper{w}, r)
		_ = http.NewResponseController(w).Flush()
	})
	client, url := testkit.HTTP1.Serve(t, s)
	if resp, err := client.Get(url); err == nil {
		if body, err := io.ReadAll(resp.Body); err == nil {
			t.Errorf("%d %q passes for a whole response", resp.StatusCode, body)
		}
		resp.Body.Close()
	}
}

// TestAbortedResponseServesStale: a stale response replaces an aborted one as it does any
// error, on the connection of the client that waited for it.
func TestAbortedResponseServesStale(t *testing.T) {
	var log testkit.Log
	for name, h := range halfway(&log) {
		broken := false
		s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: time.Second, StaleIfError: time.Hour}, Logger: log.Logger()},
			func(w http.ResponseWriter, r *http.Request) {
				if broken {
					h.ServeHTTP(w, r)
					return
				}
				w.Header().Set("Age", "60") // stale on arrival
				io.WriteString(w, "good")
			})
		client, url := testkit.HTTP1.Serve(t, s)
		for range 2 {
			resp, err := client.Get(url)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if body := testkit.Body(t, resp); body != "good" {
				t.Errorf("%s: %d %q", name, resp.StatusCode, body)
			}
			broken = true
		}
	}
}

// TestTimeLimitInsideTheCache: its response is an error like any other, for waiting
// requests and for a stale response in its place, although the handler may still run.
func TestTimeLimitInsideTheCache(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"ends":    func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"goes on": func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log testkit.Log
				slow := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Second, Logger: log.Logger()})(handler)
				works := false
				s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: time.Second, StaleIfError: time.Hour}},
					func(w http.ResponseWriter, r *http.Request) {
						if works {
							io.WriteString(w, "good")
							return
						}
						slow.ServeHTTP(w, r)
					})
				for _, w := range s.together(50, plain) {
					if w.Code != http.StatusGatewayTimeout {
						t.Fatalf("%d %q", w.Code, w.Body)
					}
				}
				if n := s.runs.Load(); n != 1 {
					t.Errorf("%d runs for 50 readers, want 1", n)
				}
				works = true
				s.get("/")
				works = false
				time.Sleep(time.Minute)
				for _, w := range s.together(50, plain) {
					if w.Code != http.StatusOK || w.Body.String() != "good" {
						t.Fatalf("in place of the error: %d %q", w.Code, w.Body)
					}
				}
				if n := s.runs.Load(); n != 3 {
					t.Errorf("%d runs in all, want 3", n)
				}
			})
		})
	}
}
