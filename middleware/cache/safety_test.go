package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// TestPublicConfig: with Public in the Config the handler makes one page for all, and
// sees no credentials; a route revokes that by SetLifetime, and sees them.
func TestPublicConfig(t *testing.T) {
	cfg := forAnHour()
	cfg.Lifetime.Public = true
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/own":
			cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Hour})
		case "/own-public":
			cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Hour, Public: true})
		case "/own-header":
			cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Hour})
			w.Header().Set("Cache-Control", "public")
		}
		fmt.Fprint(w, "for ", r.Header.Get("Cookie"), r.Header.Get("Authorization"))
	})
	who := map[string]string{"alice": "Cookie: alice", "bob": "Authorization: bob", "": "X: 1"}
	for _, order := range [][]string{{"alice", "bob", ""}, {"", "alice", "bob"}} {
		for _, path := range []string{"/", "/own", "/own-public", "/own-header"} {
			target := path + "?" + strings.Join(order, "")
			for range 2 {
				for _, name := range order {
					want := "for "
					if path == "/own" {
						want += name
					}
					if got := s.get(target, who[name]).Body.String(); got != want {
						t.Errorf("%s: %q got %q, want %q", target, name, got, want)
					}
				}
			}
		}
	}
	// A GET that bypasses the cache loses them too, but an upgrade does not.
	if got := s.get("/", "Cookie: alice", `If-Match: "1"`).Body.String(); got != "for " {
		t.Errorf("past the cache: %q", got)
	}
	if got := s.get("/", "Cookie: alice", "Upgrade: websocket").Body.String(); got != "for alice" {
		t.Errorf("an upgrade: %q", got)
	}
	if got := s.do(request("POST", "/", "Cookie: alice")).Body.String(); got != "for alice" {
		t.Errorf("a POST: %q", got)
	}
}

// TestPublicRevokedTogether: many simultaneous requests for a route that has revoked
// Public.
func TestPublicRevokedTogether(t *testing.T) {
	cfg := forAnHour()
	cfg.Lifetime.Public = true
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Hour})
		fmt.Fprint(w, "for ", r.Header.Get("Cookie"))
	})
	for range 20 {
		s.InvalidateTag(t.Context(), "x")
		answers := s.together(12, func(i int) *http.Request {
			if i%3 == 0 {
				return request("GET", "/")
			}
			return request("GET", "/", fmt.Sprint("Cookie: ", i))
		})
		for i, w := range answers {
			want := "for "
			if i%3 != 0 {
				want = fmt.Sprint("for ", i)
			}
			if w.Body.String() != want {
				t.Errorf("%d got %q", i, w.Body)
			}
		}
	}
}

// TestRevalidateConfigHost: with a configured host a client cannot have another
// variant revalidated in place of the page.
func TestRevalidateConfigHost(t *testing.T) {
	cfg := forAnHour()
	cfg.Host = "www.example.com"
	s := newSite(cfg, nil)
	page := []string{"Host: www.example.com", "X-Forwarded-Proto: https"}
	s.get("/p", page...)
	for _, evil := range [][]string{
		{"Host: www.example.com", "X-Forwarded-Host: evil"}, {"Host: evil"}, {"Host: www.example.com", "Origin: https://evil"},
		{"Host: www.example.com", "Forwarded: host=evil"}, {"Host: www.example.com", "X-Original-Url: /evil"},
	} {
		s.get("/p", evil...)
		if err := s.Revalidate(t.Context(), "/p"); err != nil {
			t.Fatal(err)
		}
		runs := s.runs.Load()
		if s.get("/p", page...); s.runs.Load() != runs {
			t.Errorf("after %q another variant was revalidated", evil)
		}
	}
}

// TestWritesToUnknownPaths: any number of writes to paths without a stored response
// changes nothing.
func TestWritesToUnknownPaths(t *testing.T) {
	gens := &counted{Generations: cache.NewGenerations(0)}
	cfg := forAnHour()
	cfg.Store, cfg.Generations = cache.NewStore(0), gens
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/redirect") {
			http.Redirect(w, r, "/login", http.StatusSeeOther)
			return
		}
		io.WriteString(w, "page")
	})
	s.get("/page")
	s.get("/mux/x")
	const posts = 1000
	long := strings.Repeat("a", 8000)
	before := heap()
	for i := range posts {
		s.do(request("POST", fmt.Sprint([]string{"/x", "/redirect", "/mux//x", "/a/../"}[i%4], i, long)))
	}
	if grown := heap() - before; grown > 2<<20 {
		t.Errorf("%d KB are held after %d POSTs", grown>>10, posts)
	}
	if raised := gens.raised; raised > posts/1000 {
		t.Errorf("%d of %d POSTs to what is not stored have raised a tag", raised, posts)
	}
	s.do(request("POST", "/mux//x")) // which the mux redirects
	for _, path := range []string{"/page", "/mux/x"} {
		if got := s.get(path).Header().Get("Cache-Status"); !strings.Contains(got, "hit") {
			t.Errorf("%s: %s", path, got)
		}
	}
	s.do(request("POST", "/page"))
	if got := s.get("/page").Header().Get("Cache-Status"); strings.Contains(got, "hit") {
		t.Errorf("a write to what is stored: %s", got)
	}
	runtime.KeepAlive(s)
}

// counted counts raised tags.
type counted struct {
	cache.Generations
	raised int
}

func (g *counted) Raise(ctx context.Context, n uint64, tags ...string) error {
	g.raised++
	return g.Generations.Raise(ctx, n, tags...)
}

// TestMemoryOutsideTheStore: a cache remembers a few MB of requests, even if clients make
// up paths, hosts and private pages.
func TestMemoryOutsideTheStore(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector has memory of its own")
	}
	cfg := forAnHour()
	cfg.Store = cache.NewStore(1 << 20)
	cfg.Generations = cache.NewGenerations(0)
	s := newSite(cfg, nil)
	h := s.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/p") {
			w.Header().Set("Cache-Control", "private")
		}
		http.NotFound(w, r)
	}))
	get := func(path, host string) {
		h.ServeHTTP(&discard{make(http.Header)}, &http.Request{
			Method: "GET", URL: &url.URL{Path: path}, RequestURI: path, Host: "example.com",
			Header: http.Header{"X-Forwarded-Host": {host}}, Body: http.NoBody,
		})
	}
	path, host := strings.Repeat("a", 1000), strings.Repeat("b", 1000)
	before := heap()
	for i := range 4200 { // more than are remembered
		get(fmt.Sprint("/", i, path), host)
		get(fmt.Sprint("/p", i, path), fmt.Sprint(i))
	}
	grown := heap() - before
	if grown > (1+4)<<20 {
		t.Errorf("%d KB are held, the store of 1 MB included", grown>>10)
	}
	t.Logf("%d KB are held, the store of 1 MB included", grown>>10)
	runtime.KeepAlive(h)
}

// TestTagsByTheThousand: a list page has a tag for each item.
func TestTagsByTheThousand(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		for i := range 10000 {
			cache.Tag(r.Context(), fmt.Sprint("product:", i%5000))
		}
	})
	start := time.Now()
	s.get("/")
	t.Logf("10,000 tags, 5,000 of them different: %v", time.Since(start))
	if err := s.InvalidateTag(t.Context(), "product:4999"); err != nil {
		t.Fatal(err)
	}
	if s.get("/"); s.runs.Load() != 2 {
		t.Error("a tag was lost")
	}
}
