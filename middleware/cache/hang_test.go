package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// A shutWriter is the ResponseWriter of a client that does not read for the given time.
// Nil is for a client that makes it panic.
type shutWriter struct {
	http.ResponseWriter
	shut time.Duration
}

func (w shutWriter) Write(p []byte) (int, error) {
	if w.shut == 0 {
		panic(http.ErrAbortHandler)
	}
	time.Sleep(w.shut)
	return w.ResponseWriter.Write(p)
}

func (w shutWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// ends runs f as a server does, in its own goroutine, even if it panics or exits.
func ends(f func()) {
	go func() {
		defer func() { _ = recover() }()
		f()
	}()
	synctest.Wait()
}

// wrongGenerations have one wrong method.
type wrongGenerations struct {
	cache.Generations
	next func() (uint64, error)
}

func (g *wrongGenerations) Next(ctx context.Context) (uint64, error) {
	if g.next != nil {
		return g.next()
	}
	return g.Generations.Next(ctx)
}

type lockerFunc func(context.Context, string) (func(), error)

func (f lockerFunc) Lock(ctx context.Context, key string) (func(), error) { return f(ctx, key) }

// TestFlightHoldsNoLaterRequest: whatever happens to one request, the next one for the
// same page gets it within the time that the config gives the handler.
func TestFlightHoldsNoLaterRequest(t *testing.T) {
	aged := cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour, StaleIfError: time.Hour}
	page := func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") }
	tests := []struct {
		name    string
		cfg     cache.Config
		handler http.HandlerFunc
		origin  bool               // there is one, inside a layer that abandons it
		first   func(http.Handler) // what goes wrong
		want    string             // of Cache-Status, in part
	}{
		{"the handler ends its goroutine", cache.Config{Lifetime: aged}, func() http.HandlerFunc {
			n := 0
			return func(w http.ResponseWriter, r *http.Request) {
				if n++; n == 1 {
					runtime.Goexit()
				}
				page(w, r)
			}
		}(), false, plainly, "stored"},
		{"generations that panic", cache.Config{Lifetime: aged, StoreTimeout: -1, Generations: &wrongGenerations{cache.NewGenerations(0), func() (uint64, error) { panic("wrong") }}}, page, false, plainly, "detail=generations"},
		{"generations that end the goroutine", cache.Config{Lifetime: aged, Generations: &wrongGenerations{cache.NewGenerations(0), func() (uint64, error) { runtime.Goexit(); return 1, nil }}}, page, false, plainly, "detail=generations"},
		{"generations that begin at 0", cache.Config{Lifetime: aged, Generations: &wrongGenerations{cache.NewGenerations(0), func() (uint64, error) { return 0, nil }}}, page, false, plainly, "detail=generations"},
		{"a lock that is never given", cache.Config{Lifetime: aged, Locker: lockerFunc(func(ctx context.Context, _ string) (func(), error) { <-ctx.Done(); return nil, ctx.Err() })}, page, false, func(http.Handler) {}, "stored"},
		{"an empty list for an ETag", cache.Config{Lifetime: aged}, func(w http.ResponseWriter, r *http.Request) { w.Header()["Etag"] = []string{}; page(w, r) }, false, afterTTL(plainly), "stored"},
		{"a reader whose writer panics", cache.Config{Lifetime: aged}, page, false, afterTTL(func(h http.Handler) {
			h.ServeHTTP(shutWriter{httptest.NewRecorder(), 0}, leaning())
		}), "stored"},
		{"a reader who does not read", cache.Config{Lifetime: aged}, page, false, afterTTL(func(h http.Handler) {
			h.ServeHTTP(shutWriter{httptest.NewRecorder(), 24 * time.Hour}, leaning())
		}), "stored"},
		{"a layer of the Origin ends its goroutine", cache.Config{Lifetime: aged}, page, true, afterTTL(plainly), "stored"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var site http.Handler
				if tt.origin {
					tt.cfg.Origin = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { runtime.Goexit() })
				}
				s := newSite(tt.cfg, func(w http.ResponseWriter, r *http.Request) {
					_ = r.Context().Value(leaningKey{})
					tt.handler(w, r)
				})
				site = s
				ends(func() { tt.first(site) })
				time.Sleep(4 * time.Hour) // no stored response is usable any more
				ctx, cancel := context.WithTimeout(context.Background(), 40*time.Second)
				defer cancel()
				w := httptest.NewRecorder()
				site.ServeHTTP(w, request("GET", "/").WithContext(ctx))
				if got := w.Header().Get("Cache-Status"); w.Body.String() != "page" || !strings.Contains(got, tt.want) {
					t.Errorf("the next: %d %q (%s), want %s", w.Code, w.Body, got, tt.want)
				}
				time.Sleep(24 * time.Hour) // until the slowest has ended
			})
		})
	}
}

// TestGenerationsThatDoNotCount: if generations do not count, no page is invalidated, and
// the caller gets an error.
func TestGenerationsThatDoNotCount(t *testing.T) {
	cfg := forAnHour()
	cfg.Generations = &wrongGenerations{cache.NewGenerations(0), func() (uint64, error) { return 0, nil }}
	if err := newSite(cfg, nil).InvalidateTag(t.Context(), "a"); err == nil {
		t.Error("InvalidateTag has succeeded")
	}
}

type leaningKey struct{}

// leaning returns a request with a context value of a layer outside.
func leaning() *http.Request {
	return request("GET", "/").WithContext(context.WithValue(context.Background(), leaningKey{}, 1))
}

func plainly(h http.Handler) { h.ServeHTTP(httptest.NewRecorder(), leaning()) }

// afterTTL stores a page, and calls f when that is stale.
func afterTTL(f func(http.Handler)) func(http.Handler) {
	return func(h http.Handler) {
		plainly(h)
		time.Sleep(2 * time.Minute)
		f(h)
	}
}

// TestSlowClientOfFlushedResponse: a client that reads a flushed response slowly, or not
// at all, costs waiting requests a few seconds once, and later ones nothing.
func TestSlowClientOfFlushedResponse(t *testing.T) {
	for _, before := range []string{"", "held until it is flushed "} {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
				io.WriteString(w, before)
				_ = http.NewResponseController(w).Flush()
				io.WriteString(w, "page")
			})
			ends(func() { s.ServeHTTP(shutWriter{httptest.NewRecorder(), time.Hour}, request("GET", "/")) })
			start := time.Now()
			for i, w := range s.together(20, plain) {
				if w.Body.String() != before+"page" {
					t.Errorf("%d waited for %d %q", i, w.Code, w.Body)
				}
			}
			if d := time.Since(start); d > 6*time.Second || s.runs.Load() != 2 {
				t.Errorf("%v and %d runs, want six seconds at most, and 2", d, s.runs.Load())
			}
			s.shows(t, "/", before+"page", "apiece; hit; ttl=3600")
			time.Sleep(3 * time.Hour)
		})
	}
}

// TestLockArrivesLate: a lock that arrives too late is released, and if that panics the
// process goes on.
func TestLockArrivesLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var unlocked atomic.Int32
		cfg := forAnHour()
		cfg.Locker = lockerFunc(func(context.Context, string) (func(), error) {
			time.Sleep(time.Hour)
			return func() { unlocked.Add(1); panic("wrong") }, nil
		})
		s := newSite(cfg, nil)
		s.shows(t, "/", "run 1", "apiece; fwd=miss; stored")
		time.Sleep(2 * time.Hour)
		if n := unlocked.Load(); n != 1 {
			t.Errorf("unlocked %d times", n)
		}
	})
}

// TestProxyRunsAgainWithCredentials: a handler that panics when it can no longer write,
// as a proxy does, still runs again with the credentials.
func TestProxyRunsAgainWithCredentials(t *testing.T) {
	cfg := forAnHour()
	cfg.Lifetime.Public = true
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
		cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Hour})
		if _, err := fmt.Fprint(w, "for ", r.Header.Get("Cookie")); err != nil {
			panic(http.ErrAbortHandler)
		}
	})
	s.shows(t, "/", "for alice", "apiece; fwd=miss; detail=credentials", "Cookie: alice")
	if n := s.Stats().FillErrors; n != 0 {
		t.Errorf("%d errors", n)
	}
}
