package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// A pooled router keeps the parameter of a request in an object that it reuses as soon as
// it has returned, as chi, gin and echo do.
type pooled struct {
	handler http.Handler

	mu   sync.Mutex
	free []*params
}

type params struct{ id string }

type pooledKey struct{}

func (p *pooled) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	own := new(params)
	if n := len(p.free); n > 0 {
		own, p.free = p.free[n-1], p.free[:n-1]
	}
	p.mu.Unlock()
	own.id = strings.TrimPrefix(r.URL.Path, "/page/")
	p.handler.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), pooledKey{}, own)))
	own.id = "another's"
	p.mu.Lock()
	p.free = append(p.free, own)
	p.mu.Unlock()
}

// param is what chi.URLParam does.
func param(r *http.Request) string {
	p, _ := r.Context().Value(pooledKey{}).(*params)
	if p == nil {
		return "no router"
	}
	return p.id
}

// TestBackgroundRevalidationInARouter: wherever the cache stands, the handler sees the
// parameters of the page that is revalidated.
func TestBackgroundRevalidationInARouter(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		fmt.Fprint(w, "page ", param(r), " at ", time.Now().Unix())
	})
	within := func(handler http.Handler) *pooled { return &pooled{handler: handler} }
	config := func(origin http.Handler) cache.Config {
		return cache.Config{Lifetime: cache.Lifetime{TTL: 10 * time.Second, StaleWhileRevalidate: time.Hour}, Origin: origin}
	}
	places := map[string]struct {
		site       func() http.Handler
		background bool
	}{
		"inside": {func() http.Handler { return within(cache.New(config(nil)).Middleware(page)) }, false},
		"inside, with an Origin": {func() http.Handler {
			router := within(nil)
			router.handler = cache.New(config(router)).Middleware(page)
			return router
		}, true},
		"around": {func() http.Handler { return cache.New(config(nil)).Middleware(within(page)) }, false},
		"around its Origin": {func() http.Handler {
			router := within(page)
			return cache.New(config(router)).Middleware(router)
		}, true},
		"made for each request": {func() http.Handler { // as echo.WrapMiddleware does
			pages := cache.New(config(nil))
			return within(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pages.Middleware(page).ServeHTTP(w, r) }))
		}, false},
		"around a mux inside": {func() http.Handler { // whose handlers use values of a layer outside
			mux := http.NewServeMux()
			mux.Handle("/page/", page)
			return within(cache.New(config(nil)).Middleware(mux))
		}, false},
		"below an Origin that leads elsewhere": {func() http.Handler {
			return within(cache.New(config(http.NotFoundHandler())).Middleware(page))
		}, false},
		"below an Origin that leads to another page": {func() http.Handler {
			router := within(nil)
			router.handler = cache.New(config(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path, r.RequestURI = "/page/other", "/page/other"
				router.ServeHTTP(w, r)
			}))).Middleware(page)
			return router
		}, false},
	}
	for name, place := range places {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				site := place.site()
				get := func(id int) (body, status string) {
					w := httptest.NewRecorder()
					site.ServeHTTP(w, request("GET", fmt.Sprint("/page/", id)))
					return w.Body.String(), w.Header().Get("Cache-Status")
				}
				made := make(map[int]string)
				for id := range 4 {
					made[id], _ = get(id)
				}
				astray := strings.Contains(name, "leads")
				for round := range 4 {
					time.Sleep(15 * time.Second)
					for id := range 4 {
						start := time.Now()
						body, status := get(id)
						if !strings.HasPrefix(body, fmt.Sprint("page ", id, " ")) {
							t.Fatalf("page %d: %q (%s)", id, body, status)
						}
						if took := time.Since(start); place.background && took != 0 {
							t.Errorf("the reader waited %v for a renewal in the background", took)
						}
						synctest.Wait()
						if place.background {
							time.Sleep(2 * time.Second)
						}
						if now, _ := get(id); now == body && (!astray || round > 1) {
							t.Errorf("page %d was not renewed: %q", id, now)
						}
					}
				}
			})
		})
	}
}

// TestAbandonedHandlerIsNotStored: a layer inside of a router may abandon a handler, and
// the router goes on to the next request. The handler then reads another request's
// values.
func TestAbandonedHandlerIsNotStored(t *testing.T) {
	if testkit.Race {
		t.Skip("the race is the service's own, here on purpose")
	}
	synctest.Test(t, func(t *testing.T) {
		slow := true
		pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}})
		site := &pooled{handler: http.TimeoutHandler(pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if slow {
				time.Sleep(2 * time.Second)
			}
			fmt.Fprint(w, "page ", param(r))
		})), time.Second, "slow")}
		get := func() string {
			w := httptest.NewRecorder()
			site.ServeHTTP(w, request("GET", "/page/1"))
			return w.Body.String()
		}
		if got := get(); got != "slow" {
			t.Fatalf("%q", got)
		}
		time.Sleep(time.Minute)
		slow = false
		if got := get(); got != "page 1" {
			t.Errorf("%q: what a handler has read after its request was over is stored", got)
		}
	})
}

// TestBackgroundRevalidationFails: how each response to a revalidation affects the old
// page, and how often the handler runs at ten requests per second.
func TestBackgroundRevalidationFails(t *testing.T) {
	answer := func(status int, fields ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for _, f := range fields {
				name, value, _ := strings.Cut(f, ": ")
				w.Header().Set(name, value)
			}
			w.WriteHeader(status)
			io.WriteString(w, "new")
		}
	}
	tests := []struct {
		name string
		h    http.HandlerFunc
		old  bool // stays
		runs int64
		why  string
	}{
		{"429", answer(429), true, 5, "an upstream that limits us is not asked more often for that"},
		{"403", answer(403), true, 5, ""},
		{"406", answer(406), true, 5, ""},
		{"503", answer(503), true, 5, ""},
		{"302", answer(302, "Location: /login"), true, 5, ""},
		{"204", answer(204), true, 5, ""},
		{"429 with a cookie", answer(429, "Set-Cookie: a=1"), true, 5, "an error says nothing about the page"},
		{"500, no-store", answer(500, "Cache-Control: no-store"), true, 5, ""},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("broken") }, true, 5, ""},
		{"part", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "10")
			io.WriteString(w, "part")
			w.(http.Flusher).Flush()
		}, true, 5, ""},
		{"private", answer(200, "Cache-Control: private"), false, 0, "the page has become private"},
		{"set-cookie", answer(200, "Set-Cookie: a=1"), false, 0, ""},
		{"no-store", answer(200, "Cache-Control: no-store"), false, 0, ""},
		{"good", answer(200), false, 1, "and is renewed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				broken := false
				s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: 10 * time.Second, StaleWhileRevalidate: time.Hour}}, func(w http.ResponseWriter, r *http.Request) {
					if broken {
						tt.h(w, r)
						return
					}
					io.WriteString(w, "old")
				})
				s.get("/")
				time.Sleep(11 * time.Second)
				broken = true
				runs := s.runs.Load()
				olds := 0
				for range 600 { // for a minute
					if s.get("/").Body.String() == "old" {
						olds++
					}
					time.Sleep(100 * time.Millisecond)
				}
				if got := s.runs.Load() - runs; tt.old && (olds != 600 || got != tt.runs) {
					t.Errorf("%d of 600 readers had the old page, and %d runs, want %d: %s", olds, got, tt.runs, tt.why)
				}
				if !tt.old && olds > 1 {
					t.Errorf("%d readers had the old page: %s", olds, tt.why)
				}
				broken = false
				time.Sleep(2 * time.Minute)
				s.get("/")
				synctest.Wait()
				runs = s.runs.Load()
				for _, w := range s.together(50, plain) {
					if w.Body.String() == "" {
						t.Errorf("%d %q", w.Code, w.Body)
					}
				}
				if got := s.runs.Load() - runs; got > 1 {
					t.Errorf("%d runs for 50 readers afterwards, want 1 at most", got)
				}
			})
		})
	}
}

// TestLookupBeforeAFlightSettled: a request that looked up the store before a flight
// landed and enters after runs nothing.
func TestLookupBeforeAFlightSettled(t *testing.T) {
	var runs atomic.Int64
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}})
	site := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { runs.Add(1); io.WriteString(w, "x") }))
	const keys = 300
	for k := range keys {
		var wg sync.WaitGroup
		start := make(chan struct{})
		for range 16 {
			wg.Go(func() {
				r := request("GET", "/"+strconv.Itoa(k))
				<-start
				site.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		close(start)
		wg.Wait()
	}
	if got := runs.Load(); got != keys {
		t.Errorf("%d runs for %d pages, want one for each", got, keys)
	}
}

// TestBackgroundRevalidationWithoutFlush: with a writer that cannot flush no stale
// response is served without an Origin, and the request revalidates the page.
func TestBackgroundRevalidationWithoutFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: 10 * time.Second, StaleWhileRevalidate: time.Hour}}, nil)
		n := 0
		site := http.TimeoutHandler(s.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			fmt.Fprint(w, "run ", n, param(r))
		})), time.Second, "slow")
		for i := range 4 {
			w := httptest.NewRecorder()
			site.ServeHTTP(w, request("GET", "/page/1").WithContext(context.WithValue(t.Context(), pooledKey{}, &params{})))
			if want := fmt.Sprint("run ", i+1); w.Body.String() != want {
				t.Errorf("%q (%s), want %q", w.Body, w.Header().Get("Cache-Status"), want)
			}
			time.Sleep(15 * time.Second)
		}
		if got := len(s.log.Records()); got != 1 {
			t.Errorf("%d records, want 1", got)
		}
	})
}

// TestLeaderLeavesValues: a client that leaves takes no context values with it as long as
// its request is not over, in the server or in a revalidation before ServeHTTP returns.
func TestLeaderLeavesValues(t *testing.T) {
	site := &pooled{handler: cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}}).Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Second)
		fmt.Fprint(w, "page ", param(r))
	}))}
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithTimeout(t.Context(), time.Hour)
		time.AfterFunc(500*time.Millisecond, leave)
		site.ServeHTTP(httptest.NewRecorder(), request("GET", "/page/1").WithContext(ctx))
		w := httptest.NewRecorder()
		site.ServeHTTP(w, request("GET", "/page/1"))
		if got := w.Header().Get("Cache-Status"); w.Body.String() != "page 1" || !strings.Contains(got, "hit") {
			t.Errorf("%q (%s)", w.Body, got)
		}
	})
}
