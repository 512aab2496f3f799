package cache_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
)

// blog is a mux with the cache inside of it, and posts that are edited.
type blog struct {
	mux   *http.ServeMux
	cache *cache.Cache
	text  atomic.Value
	runs  atomic.Int64
	fail  atomic.Int64 // the status to fail with, 0 for none
	slow  time.Duration
}

func newBlog(cfg cache.Config) *blog {
	b := &blog{mux: http.NewServeMux()}
	b.text.Store("first")
	cfg.Lifetime.TTL, cfg.Origin = time.Hour, b.mux
	b.cache = cache.New(cfg)
	b.mux.Handle("GET /blog/{id}", b.cache.Middleware(http.HandlerFunc(b.post)))
	b.mux.HandleFunc("GET /about", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "not cached") })
	return b
}

func (b *blog) post(w http.ResponseWriter, r *http.Request) {
	b.runs.Add(1)
	shown := b.text.Load().(string)
	time.Sleep(b.slow)
	switch id := r.PathValue("id"); {
	case id == "none":
		http.NotFound(w, r)
	case id == "private":
		w.Header().Set("Cache-Control", "private")
	case b.fail.Load() == 1:
		panic("broken")
	case b.fail.Load() != 0:
		w.WriteHeader(int(b.fail.Load()))
	default:
		fmt.Fprint(w, id, "?", r.URL.RawQuery, ": ", shown)
	}
}

func (b *blog) get(target string, fields ...string) string {
	w := httptest.NewRecorder()
	b.mux.ServeHTTP(w, request("GET", target, fields...))
	return w.Body.String()
}

// TestRevalidateShowsAnEdit: an edit shows on the next request, for one run of the
// handler.
func TestRevalidateShowsAnEdit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(cache.Config{})
		b.slow = time.Second
		b.get("/blog/1")
		b.get("/blog/1?page=2")
		b.get("/blog/1", "Host: other.test")
		b.text.Store("second")
		runs := b.runs.Load()

		done := make(chan error)
		go func() { done <- b.cache.Revalidate(t.Context(), "/blog/1") }()
		time.Sleep(time.Second / 2)
		if got := b.get("/blog/1"); got != "1?: first" {
			t.Errorf("while it runs: %q, want the old page", got)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		// The last request was for another host; that variant is revalidated.
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if got := b.get("/blog/1", "Host: other.test"); got != "1?: second" {
					t.Errorf("afterwards: %q", got)
				}
			})
		}
		wg.Wait()
		if n := b.runs.Load() - runs; n != 1 {
			t.Errorf("%d runs for an edit and 50 readers, want 1", n)
		}
		for _, target := range []string{"/blog/1", "/blog/1?page=2"} {
			if got := b.get(target); !strings.HasSuffix(got, "second") {
				t.Errorf("%s: %q: all variants are void", target, got)
			}
		}
	})
}

// TestRevalidateFails: the old page stays, and the error says why.
func TestRevalidateFails(t *testing.T) {
	tests := []struct {
		name   string
		path   string
		fail   int64
		status int
		text   string
		why    string
	}{
		{"503", "/blog/1", 503, 503, "cache: failed to revalidate /blog/1: the response is a server error (status 503)", "next.js#29768: keep the old page"},
		{"204", "/blog/1", 204, 204, "responses with this status are not stored (status 204)", "Next fails as well"},
		{"302", "/blog/1", 302, 302, "responses with this status are not stored (status 302)", "a redirect to the login is no page"},
		{"panic", "/blog/1", 1, 0, "the handler panicked", ""},
		{"private", "/blog/private", 0, 200, "the response has Cache-Control: private", "nothing was stored"},
		{"no route", "/nowhere", 0, 404, "the request did not reach this cache", "as Next"},
		{"another's route", "/about", 0, 200, "the request did not reach this cache", "not a page of this cache"},
		{"relative", "blog/1", 0, 0, "the path does not begin with a slash", "as Next"},
		{"empty", "", 0, 0, "the path does not begin with a slash", "as Next"},
		{"absolute", "https://example.com/blog/1", 0, 0, "the path does not begin with a slash", "as Next"},
		{"bad escape", "/blog/%zz", 0, 0, "not a valid path", ""},
		{"control byte", "/blog/1\r\nHost: evil", 0, 0, "not a valid path", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite(cache.Config{}, nil) // for its log
			b := newBlog(cache.Config{Logger: s.log.Logger()})
			b.get("/blog/1")
			b.fail.Store(tt.fail)
			err := b.cache.Revalidate(t.Context(), tt.path)
			var failed *cache.RevalidateError
			if !errors.As(err, &failed) || failed.Path != tt.path || failed.Status != tt.status || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("%+v, want status %d and %q: %s", err, tt.status, tt.text, tt.why)
			}
			if got := b.get("/blog/1"); got != "1?: first" {
				t.Errorf("the old page has gone: %q", got)
			}
		})
	}
}

func TestRevalidateGone(t *testing.T) {
	b := newBlog(cache.Config{})
	b.get("/blog/none")
	if err := b.cache.Revalidate(t.Context(), "/blog/none"); err != nil {
		t.Errorf("a 404 of a handler is a page: %v", err)
	}
	if b.get("/blog/none"); b.runs.Load() != 2 {
		t.Errorf("%d runs, want 2: it was not stored", b.runs.Load())
	}
}

func TestRevalidateNew(t *testing.T) {
	b := newBlog(cache.Config{Host: "example.com"})
	if err := b.cache.Revalidate(t.Context(), "/blog/a%2Fb?page=2"); err != nil {
		t.Fatal(err)
	}
	b.text.Store("second")
	if got := b.get("/blog/a%2Fb?page=2"); got != "a/b?page=2: first" {
		t.Errorf("%q", got)
	}
}

func TestRevalidateCached(t *testing.T) {
	b := newBlog(cache.Config{})
	if err := b.cache.RevalidateCached(t.Context(), "/blog/1"); err != nil || b.runs.Load() != 0 {
		t.Errorf("%v after %d runs, want none: nothing is stored", err, b.runs.Load())
	}
	b.get("/blog/1")
	b.text.Store("second")
	if err := b.cache.RevalidateCached(t.Context(), "/blog/1"); err != nil {
		t.Error(err)
	}
	if got := b.get("/blog/1"); got != "1?: second" || b.runs.Load() != 2 {
		t.Errorf("%q after %d runs", got, b.runs.Load())
	}
}

// TestRevalidateOrigin: where Revalidate finds its handler.
func TestRevalidateOrigin(t *testing.T) {
	page := func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("id"), r.Pattern) }
	t.Run("none", func(t *testing.T) {
		c := cache.New(forAnHour())
		c.Middleware(http.HandlerFunc(page))
		if err := c.Revalidate(t.Context(), "/x"); !errors.Is(err, cache.ErrNoOrigin) {
			t.Errorf("%v", err)
		}
	})
	t.Run("around a mux", func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("/blog/{id}", page)
		c := cache.New(forAnHour())
		h := c.Middleware(mux)
		if err := c.Revalidate(t.Context(), "/blog/1"); err != nil {
			t.Fatal(err)
		}
		if err := c.Revalidate(t.Context(), "/nowhere"); err == nil {
			t.Error("the mux's own 404 passes for a page")
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("GET", "/blog/1"))
		if w.Body.String() != "1/blog/{id}" {
			t.Errorf("%q", w.Body)
		}
		c.Middleware(http.NewServeMux())
		if err := c.Revalidate(t.Context(), "/blog/1"); !errors.Is(err, cache.ErrNoOrigin) {
			t.Errorf("with two muxes it is not known which: %v", err)
		}
	})
	t.Run("around a pattern.Handler", func(t *testing.T) {
		h, err := pattern.NewHandler(map[string]http.Handler{"/blog/[id]": http.HandlerFunc(page)}, pattern.HandlerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		c := cache.New(forAnHour())
		c.Middleware(h)
		if err := c.Revalidate(t.Context(), "/blog/1"); err != nil {
			t.Error(err)
		}
	})
	t.Run("below other layers", func(t *testing.T) {
		mux := http.NewServeMux()
		cfg := forAnHour()
		var sawUser any
		type userKey struct{}
		cfg.Origin = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.StripPrefix("/site", mux).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "nobody")))
		})
		c := cache.New(cfg)
		mux.Handle("/blog/{id}", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sawUser = r.Context().Value(userKey{})
			cache.Tag(r.Context(), "a")
			io.WriteString(w, r.RequestURI)
		})))
		if err := c.Revalidate(t.Context(), "/site/blog/1"); err != nil || sawUser != "nobody" {
			t.Errorf("%v, user %v", err, sawUser)
		}
	})
	t.Run("below a layer that does not wait", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			mux := http.NewServeMux()
			cfg := forAnHour()
			cfg.Origin = http.TimeoutHandler(mux, time.Second, "")
			c := cache.New(cfg)
			mux.Handle("/", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute) })))
			err := c.Revalidate(t.Context(), "/x")
			if err == nil || !strings.Contains(err.Error(), "did not wait") {
				t.Errorf("%v", err)
			}
			time.Sleep(time.Hour)
		})
	})
	t.Run("its context", func(t *testing.T) {
		cfg := forAnHour()
		mux := http.NewServeMux()
		cfg.Origin = mux
		c := cache.New(cfg)
		mux.Handle("/", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := c.Revalidate(ctx, "/x"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
	})
}

// TestRevalidateInsideAHandler: the run neither reads nor writes the state of the request
// that called Revalidate.
func TestRevalidateInsideAHandler(t *testing.T) {
	mux := http.NewServeMux()
	cfg := forAnHour()
	cfg.Origin = mux
	c := cache.New(cfg)
	runs := 0
	mux.Handle("/page", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs++
		cache.Tag(r.Context(), "inner")
	})))
	mux.Handle("/menu", c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.Revalidate(r.Context(), "/page"); err != nil {
			t.Error(err)
		}
		runs++
	})))
	get := func(path string) { mux.ServeHTTP(httptest.NewRecorder(), request("GET", path)) }
	get("/menu")
	get("/page")
	if runs != 2 {
		t.Errorf("%d runs, want 2", runs)
	}
	if err := c.InvalidateTag(t.Context(), "inner"); err != nil {
		t.Error(err)
	}
	get("/menu")
	get("/page")
	if runs != 3 {
		t.Errorf("%d runs, want 3: the tag is that of /page alone", runs)
	}
}

// TestRevalidateAgain: an invalidation during the run makes it run again.
func TestRevalidateAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBlog(cache.Config{Host: "example.com"})
		b.slow = time.Second
		go func() {
			time.Sleep(time.Second / 2)
			b.text.Store("second")
			if err := b.cache.Revalidate(t.Context(), "/blog/1"); err != nil {
				t.Error(err)
			}
		}()
		b.slow = time.Second
		if err := b.cache.Revalidate(t.Context(), "/blog/1"); err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute)
		if got := b.get("/blog/1"); got != "1?: second" {
			t.Errorf("%q", got)
		}
	})
}

// TestWriteInvalidatesPath: a change shows in the next request of the client that made
// it.
func TestWriteInvalidatesPath(t *testing.T) {
	tests := []struct {
		method string
		status int
		ignore bool
		void   bool
		why    string
	}{
		{"POST", 201, false, true, "RFC 9111, section 4.4"},
		{"PUT", 204, false, true, ""},
		{"PATCH", 200, false, true, ""},
		{"DELETE", 303, false, true, "also if it sends the browser on"},
		{"PURGE", 200, false, true, "not known to be safe"},
		{"POST", 422, false, false, "nothing has changed"},
		{"POST", 405, false, false, "or anybody could empty the cache"},
		{"POST", 500, false, false, "as the RFC has it"},
		{"POST", 200, true, false, "turned off: every GraphQL query is a POST"},
		{"HEAD", 200, false, false, "safe"},
		{"OPTIONS", 204, false, false, "safe"},
		{"TRACE", 200, false, false, "safe"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.method, tt.status), func(t *testing.T) {
			cfg := forAnHour()
			cfg.IgnoreWrites = tt.ignore
			var s *site
			s = newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == "GET" {
					return
				}
				w.WriteHeader(tt.status)
				if tt.void { // the client may be faster than the rest of the handler
					if got := s.get("/a%62?x=1").Header().Get("Cache-Status"); !strings.Contains(got, "miss") {
						t.Errorf("right after the answer: %s", got)
					}
				}
			})
			s.get("/ab?x=1")
			s.get("/other")
			s.do(request(tt.method, "/ab"))
			if hit := strings.Contains(s.get("/ab?x=1").Header().Get("Cache-Status"), "hit"); hit == tt.void {
				t.Errorf("void %t: %s", !hit, tt.why)
			}
			if !strings.Contains(s.get("/other").Header().Get("Cache-Status"), "hit") {
				t.Error("another page is void")
			}
		})
	}
}

// TestWriteVisibleLate: a handler may respond before its change is visible, as in a
// transaction that a layer around it commits. A client that reads in between gets the old
// page, later ones do not.
func TestWriteVisibleLate(t *testing.T) {
	text := "old"
	var s *site
	s = newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			io.WriteString(w, "done")
			s.get("/")
			text = "new"
			return
		}
		io.WriteString(w, text)
	})
	s.do(request("POST", "/"))
	if got := s.get("/").Body.String(); got != "new" {
		t.Errorf("%q after the write", got)
	}
}

// TestNestedCachesShareTags: a cache around a cache depends on the tags of the inner one.
func TestNestedCachesShareTags(t *testing.T) {
	inner := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "a")
		cache.Tag(r.Context(), "a", "b")
		cache.Tag(context.Background(), "nobody's")
		cache.SetLifetime(context.Background(), cache.Lifetime{})
		io.WriteString(w, "body")
	})
	inner.get("/") // so that the outer fill finds an entry
	outer := cache.New(forAnHour())
	gens := []*cache.Cache{inner.Cache, outer}
	both := &site{Handler: outer.Middleware(inner)}
	both.get("/")
	if got := both.get("/").Header()["Cache-Status"]; !strings.HasPrefix(got[len(got)-1], "apiece; hit; ") {
		t.Errorf("%q", got)
	}
	for _, c := range gens {
		if err := c.InvalidateTag(t.Context(), "b"); err != nil {
			t.Error(err)
		}
	}
	both.get("/")
	if n := inner.runs.Load(); n != 2 {
		t.Errorf("%d runs, want 2: the outer cache has not learned the tag", n)
	}

	twice := newSite(forAnHour(), nil)
	twice.Handler = twice.Middleware(twice.Handler)
	twice.shows(t, "/", "run 1", "apiece; fwd=miss; stored")
}
