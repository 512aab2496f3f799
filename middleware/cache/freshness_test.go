package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
)

// lifetime has all fields of a Lifetime but Public.
var lifetime = cache.Lifetime{TTL: 10 * time.Second, StaleWhileRevalidate: 20 * time.Second, StaleIfError: 60 * time.Second}

func TestLifetimeFreshStaleExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(cache.Config{Lifetime: lifetime, StatusHeader: "X-Nextjs-Cache"}, nil)
		expect := func(body, status, word, age string) {
			t.Helper()
			w := s.get("/")
			h := w.Header()
			if w.Body.String() != body || h.Get("Cache-Status") != status || h.Get("X-Nextjs-Cache") != word || h.Get("Age") != age {
				t.Errorf("%q (%s) %s, age %s; want %q (%s) %s, age %s", w.Body, h.Get("Cache-Status"), h.Get("X-Nextjs-Cache"), h.Get("Age"), body, status, word, age)
			}
			synctest.Wait()
		}
		expect("run 1", "apiece; fwd=miss; stored", "MISS", "")
		expect("run 1", "apiece; hit; ttl=10", "HIT", "0")
		time.Sleep(9 * time.Second)
		expect("run 1", "apiece; hit; ttl=1", "HIT", "9")
		time.Sleep(3 * time.Second)
		expect("run 1", "apiece; hit; ttl=-2", "STALE", "12") // and is revalidated
		expect("run 2", "apiece; hit; ttl=10", "HIT", "0")
		time.Sleep(30 * time.Second) // past the stale time
		expect("run 3", "apiece; fwd=stale; stored", "MISS", "")
		time.Sleep(time.Hour)
		expect("run 4", "apiece; fwd=stale; stored", "MISS", "")
		if err := s.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestStaleStartsOneRevalidation: any number of requests for a stale page start one
// revalidation, and none of them waits for it.
func TestStaleStartsOneRevalidation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(cache.Config{Lifetime: lifetime}, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if got := r.Context().Err(); got != nil {
				t.Errorf("the context of the refresh has ended with its reader's: %v", got)
			}
			if r.PathValue("x") != "" || r.Method != "GET" {
				t.Errorf("refreshed with %s", r.Method)
			}
			fmt.Fprint(w, "body")
		})
		s.get("/")
		time.Sleep(15 * time.Second)
		start := time.Now()
		for i := range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			s.do(request([]string{"GET", "HEAD"}[i%2], "/").WithContext(ctx))
			cancel()
		}
		if waited := time.Since(start); waited != 0 {
			t.Errorf("readers waited for %v", waited)
		}
		time.Sleep(2 * time.Second)
		if n := s.runs.Load(); n != 2 {
			t.Errorf("%d runs, want 2", n)
		}
		s.shows(t, "/", "body", "apiece; hit; ttl=9")
	})
}

// TestRevalidationRendersErrors: a stored error is rendered as the layers outside do,
// even if there is no client.
func TestRevalidationRendersErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(cache.Config{Lifetime: lifetime}, func(w http.ResponseWriter, r *http.Request) {
			reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return reply.NewError(404, "no post") }).ServeHTTP(w, r)
		})
		cached := s.Handler
		s.Handler = reply.Handler(
			func(w http.ResponseWriter, r *http.Request) error { cached.ServeHTTP(w, r); return nil },
			func(w http.ResponseWriter, _ *http.Request, err error) {
				w.WriteHeader(404)
				fmt.Fprint(w, "own: ", err)
			})
		first := s.get("/").Body.String()
		time.Sleep(15 * time.Second)
		s.get("/")
		synctest.Wait()
		s.shows(t, "/", first, "apiece; hit; ttl=10")
		if n := s.runs.Load(); n != 2 {
			t.Errorf("%d runs, want 2", n)
		}
	})
}

// TestErrorServesStale: an old page replaces an error, for as long as the Lifetime says,
// and the error causes no stampede.
func TestErrorServesStale(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"5xx":           status(503),
		"private 5xx":   func(w http.ResponseWriter, r *http.Request) { set("Cache-Control: no-store")(w, r) },
		"panic":         func(w http.ResponseWriter, r *http.Request) { panic("broken") },
		"partial panic": func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "part"); panic("broken") },
		"timeout":       func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := false
				s := newSite(cache.Config{Lifetime: lifetime, FillTimeout: time.Second}, func(w http.ResponseWriter, r *http.Request) {
					switch {
					case !broken:
						io.WriteString(w, "good")
					case name == "private 5xx":
						w.Header().Set("Cache-Control", "no-store")
						w.WriteHeader(500)
					default:
						fail(w, r)
					}
				})
				s.get("/")
				broken = true
				time.Sleep(15 * time.Second)
				for range 10 { // in the background
					if w := s.get("/"); w.Body.String() != "good" {
						t.Fatalf("while refreshing: %d %q", w.Code, w.Body)
					}
					time.Sleep(100 * time.Millisecond)
				}
				time.Sleep(time.Second)
				if n := s.runs.Load(); n != 2 {
					t.Errorf("%d runs within two seconds, want 2: a failed refresh is not tried again at once", n)
				}
				time.Sleep(20 * time.Second) // past the stale time: clients wait
				if w := s.get("/"); w.Body.String() != "good" {
					t.Errorf("in place of the error: %d %q", w.Code, w.Body)
				}
				time.Sleep(60 * time.Second)
				func() {
					defer func() {
						if v := recover(); (v != nil) != strings.Contains(name, "panic") {
							t.Errorf("panic %v", v)
						}
					}()
					if w := s.get("/"); w.Code < 500 {
						t.Errorf("too old to stand in: %d %q", w.Code, w.Body)
					}
				}()
				s.Shutdown(t.Context())
			})
		})
	}
}

// TestFillTimeoutResponds: the client of a handler that ends with its context gets a
// response, from the handler or in its place.
func TestFillTimeoutResponds(t *testing.T) {
	for name, h := range map[string]http.Handler{
		"plain": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }),
		"reply": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		}),
	} {
		s := newSite(cache.Config{Lifetime: lifetime, FillTimeout: 10 * time.Millisecond}, h.ServeHTTP)
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			client, url := tr.Serve(t, s)
			resp, err := client.Get(url)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if body := testkit.Body(t, resp); resp.StatusCode < 500 {
				t.Errorf("%s: %d %q", name, resp.StatusCode, body)
			}
		})
	}
}

// TestInvalidatedIsNeverServedStale: an invalidated page replaces no error, and is not
// served while it is revalidated.
func TestInvalidatedIsNeverServedStale(t *testing.T) {
	broken := false
	s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour, StaleIfError: time.Hour, StaleWhileRevalidate: time.Hour}},
		func(w http.ResponseWriter, r *http.Request) {
			cache.Tag(r.Context(), "a")
			if broken {
				w.WriteHeader(503)
				return
			}
			io.WriteString(w, "good")
		})
	s.get("/")
	broken = true
	if err := s.InvalidateTag(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if w := s.get("/"); w.Code != 503 {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// TestLifetimeByDirectives: how long a response is served, fresh or stale, by its header.
func TestLifetimeByDirectives(t *testing.T) {
	tests := []struct {
		name   string
		header string
		own    cache.Lifetime
		fresh  time.Duration
		stale  time.Duration // after fresh
		why    string
	}{
		{"config", "", cache.Lifetime{}, 10 * time.Second, 20 * time.Second, ""},
		{"max-age", "Cache-Control: max-age=5", cache.Lifetime{}, 5 * time.Second, 20 * time.Second, "what it leaves open is the config's"},
		{"s-maxage", "Cache-Control: s-maxage=7, max-age=3", cache.Lifetime{}, 7 * time.Second, 0, "s-maxage forbids stale responses (RFC 9111, 5.2.2.10)"},
		{"s-maxage, swr", "Cache-Control: s-maxage=7, stale-while-revalidate=30", cache.Lifetime{}, 7 * time.Second, 30 * time.Second, "unless it allows them itself; Next sends this"},
		{"must-revalidate", "Cache-Control: max-age=5, must-revalidate, stale-while-revalidate=9", cache.Lifetime{}, 5 * time.Second, 0, ""},
		{"proxy-revalidate", "Cache-Control: max-age=5, proxy-revalidate", cache.Lifetime{}, 5 * time.Second, 0, ""},
		{"swr=0", "Cache-Control: max-age=5, stale-while-revalidate=0", cache.Lifetime{}, 5 * time.Second, 0, "says so itself"},
		{"own lifetime", "Cache-Control: max-age=5, must-revalidate", cache.Lifetime{TTL: 30 * time.Second, StaleWhileRevalidate: 5 * time.Second}, 30 * time.Second, 5 * time.Second, "the header is for browsers"},
		{"own, no stale", "", cache.Lifetime{StaleWhileRevalidate: -1}, 10 * time.Second, 0, "negative is off"},
		{"age", "Age: 4", cache.Lifetime{}, 6 * time.Second, 20 * time.Second, "it was old when it came"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cfg := cache.Config{StatusHeader: "X-Cache", Lifetime: cache.Lifetime{TTL: 10 * time.Second, StaleWhileRevalidate: 20 * time.Second}}
				s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
					cache.SetLifetime(r.Context(), tt.own)
					if tt.header != "" {
						set(tt.header)(w, r)
					}
				})
				word := func() string { return s.do(request("HEAD", "/")).Header().Get("X-Cache") }
				s.get("/")
				s.Shutdown(t.Context()) // so that nothing is revalidated
				time.Sleep(tt.fresh - time.Millisecond)
				if got := word(); got != "HIT" {
					t.Errorf("before %v: %q, want HIT: %s", tt.fresh, got, tt.why)
				}
				time.Sleep(time.Millisecond)
				want := "STALE"
				if tt.stale == 0 {
					want = ""
				}
				if got := word(); got != want {
					t.Errorf("after %v: %q, want %q: %s", tt.fresh, got, want, tt.why)
				}
				time.Sleep(tt.stale)
				if got := word(); got != "" {
					t.Errorf("after %v: %q, want none: %s", tt.fresh+tt.stale, got, tt.why)
				}
			})
		})
	}
}

// TestStaleResponseBecomesPrivate: a shared page is not served stale once the handler
// says that it is private.
func TestStaleResponseBecomesPrivate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		private := false
		s := newSite(cache.Config{Lifetime: lifetime}, func(w http.ResponseWriter, r *http.Request) {
			if private {
				w.Header().Set("Cache-Control", "private")
			}
			fmt.Fprint(w, "private: ", private)
		})
		s.get("/")
		private = true
		time.Sleep(15 * time.Second)
		s.get("/")
		synctest.Wait()
		if w := s.get("/"); w.Body.String() != "private: true" {
			t.Errorf("after the refresh: %q", w.Body)
		}
	})
}

func TestShutdownOfRevalidations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		s := newSite(cache.Config{Lifetime: lifetime}, func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(5 * time.Second):
			case <-r.Context().Done():
				ended = true
			}
		})
		s.get("/")
		time.Sleep(15 * time.Second)
		s.get("/") // starts a revalidation
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != context.DeadlineExceeded {
			t.Errorf("Shutdown: %v", err)
		}
		synctest.Wait()
		if !ended {
			t.Error("the refresh was not told")
		}
		s.get("/")
		synctest.Wait()
		if n := s.runs.Load(); n != 2 {
			t.Errorf("%d runs, want 2: refreshes begin after Shutdown", n)
		}
		if err := s.Shutdown(t.Context()); err != nil {
			t.Errorf("the second Shutdown: %v", err)
		}
	})
}
