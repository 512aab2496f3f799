package cache_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/apiece/apiece/middleware/cache"
)

// steering are fields from which handlers and frameworks build responses without naming
// them in Vary.
var steering = []string{
	"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Scheme", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Forwarded-Server",
	"X-Forwarded-Protocol", "X-Forwarded-Ssl", "X-Forwarded-Uri", "X-Url-Scheme", "Front-End-Https", "Forwarded", "X-Host", "X-Original-Host", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method",
	"X-Method-Override", "Origin",
}

// echo responds with everything that a handler might build its response from.
func echo(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "%q %q %q %q", r.Host, r.URL.EscapedPath(), r.URL.RawQuery, r.RequestURI)
	for _, name := range steering {
		fmt.Fprintf(w, " %q", r.Header[http.CanonicalHeaderKey(name)])
	}
}

func echoed(r *http.Request) string {
	w := httptest.NewRecorder()
	echo(w, r)
	return w.Body.String()
}

// TestKeyHeaders: the effect of a steering field is limited to the clients that send
// it.
func TestKeyHeaders(t *testing.T) {
	for _, name := range steering {
		s := newSite(forAnHour(), echo)
		evil := request("GET", "/", name+": evil.test")
		if w := s.do(evil); w.Body.String() != echoed(evil) {
			t.Errorf("%s: %s", name, w.Body)
		}
		if w := s.get("/"); strings.Contains(w.Body.String(), "evil") {
			t.Errorf("%s has poisoned the page: %s", name, w.Body)
		}
		if w := s.do(evil); w.Body.String() != echoed(evil) || s.runs.Load() != 2 {
			t.Errorf("%s: %s after %d runs: a proxy that always sends it must have its hits", name, w.Body, s.runs.Load())
		}
	}
}

// FuzzKeys: requests that differ in what a handler may see have different keys.
func FuzzKeys(f *testing.F) {
	f.Add("a", "/x", "", "", "a", "/x", "q", "")
	f.Add("a", "/1:x", "", "", "a1:", "/x", "", "")
	f.Add("a", "/x", "", "p2:/y", "a", "/x", "", "")
	f.Add("a", "/x%2Fy", "", "", "a", "/x/y", "", "")
	f.Add("a", "/x", "", "evil", "a", "/x", "evil", "")
	f.Fuzz(func(t *testing.T, host1, path1, query1, origin1, host2, path2, query2, origin2 string) {
		s := newSite(forAnHour(), echo)
		make := func(host, path, query, origin string) *http.Request {
			uri := "/" + strings.TrimPrefix(path, "/")
			if query != "" {
				uri += "?" + query
			}
			u, err := url.ParseRequestURI(uri)
			if err != nil {
				t.Skip("no server would let it through")
			}
			r := &http.Request{Method: "GET", URL: u, RequestURI: uri, Host: host, Header: http.Header{}}
			if origin != "" {
				r.Header["Origin"] = []string{origin}
			}
			return r
		}
		one, two := make(host1, path1, query1, origin1), make(host2, path2, query2, origin2)
		s.Handler = s.Middleware(http.HandlerFunc(echo)) // without the redirects of the mux
		for _, r := range []*http.Request{one, two, one} {
			if w := s.do(r); w.Body.String() != echoed(r) {
				t.Fatalf("got  %s\nwant %s", w.Body, echoed(r))
			}
		}
	})
}

// TestKeyRewrittenPaths: layers outside may have changed the path; a response stored for
// one route to a page is not served to requests on another.
func TestKeyRewrittenPaths(t *testing.T) {
	s := newSite(forAnHour(), nil)
	c := s.Cache
	page := func(text string) http.Handler {
		return c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, text, r.URL.Path) }))
	}
	mux := http.NewServeMux()
	mux.Handle("/a/", http.StripPrefix("/a", page("a")))
	mux.Handle("/b/", http.StripPrefix("/b", page("b")))
	mux.HandleFunc("/test", func(w http.ResponseWriter, r *http.Request) {
		in := r.Clone(r.Context())
		in.URL.Path = "/variant" + r.Header.Get("X-Variant")
		page("t").ServeHTTP(w, in)
	})
	for _, tt := range []struct{ target, field, want string }{
		{"/a/x", "", "a/x"}, {"/b/x", "", "b/x"}, {"/test", "X-Variant: 1", "t/variant1"}, {"/test", "X-Variant: 2", "t/variant2"},
	} {
		for range 2 {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, request("GET", tt.target, tt.field))
			if w.Body.String() != tt.want {
				t.Errorf("%s %s got %q", tt.target, tt.field, w.Body)
			}
		}
	}
	for _, target := range []string{"http://example.com/a/x", "/a/x"} { // absolute form
		r := request("GET", "/a/x")
		r.RequestURI = target
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if got := w.Header().Get("Cache-Status"); !strings.HasPrefix(got, "apiece; hit; ") {
			t.Errorf("%s: %s", target, got)
		}
	}
}

// TestKeyQuery: the handler does not see parameters that are not part of the key.
func TestKeyQuery(t *testing.T) {
	cfg := forAnHour()
	cfg.Query = []string{"page", "sort"}
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/private" {
			w.Header().Set("Cache-Control", "private")
		}
		fmt.Fprint(w, r.URL.RawQuery, " ", r.RequestURI)
	})
	for _, target := range []string{"/?sort=a&utm=evil&page=1", "/?page=1&sort=a", "/?page=1&sort=a&sort", "/private?page=1&sort=a&x", "/private?utm&page=1&sort=a"} {
		w := s.get(target)
		if strings.Contains(w.Body.String(), "utm") || strings.Contains(w.Body.String(), "x") || !strings.Contains(w.Body.String(), "page=1&sort=a") {
			t.Errorf("%s: %q", target, w.Body)
		}
	}
	if n := s.runs.Load(); n != 4 { // the third has a second sort, and the last two are private
		t.Errorf("%d runs, want 4", n)
	}
	cfg.Query = []string{}
	synctest.Test(t, func(t *testing.T) {
		s := newSite(cfg, nil)
		s.get("/?a")
		s.shows(t, "/?b", "run 1", "apiece; hit; ttl=3600")
	})
}

// TestKeyParts: a part of a request is part of the key, or reaches no handler.
func TestKeyParts(t *testing.T) {
	inner := func(h http.HandlerFunc) func(*site) http.Handler {
		return func(s *site) http.Handler { return s.Middleware(h) }
	}
	tests := []struct {
		name    string
		outside func(*http.Request)
		handler func(*site) http.Handler
		evil    *http.Request
		want    string // for a plain request to /x
		why     string
	}{
		{"absolute form", nil, inner(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.URL) }),
			request("GET", "evil://user@example.com/x"), "/x", "a client may name any scheme and user there"},
		{"parsed form", func(r *http.Request) { r.ParseForm() }, inner(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Form) }),
			request("GET", "/x?lang=evil"), "map[]", "a layer outside has parsed what the handler must not see"},
		{"rewritten query", func(r *http.Request) { r.URL.RawQuery = "" }, inner(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.RequestURI) }),
			request("GET", "/x?lang=evil"), "/x", "a layer outside has taken it from the URL alone"},
		{"changed header", nil, inner(func(w http.ResponseWriter, r *http.Request) {
			language := r.Header.Get("Accept-Language")
			r.Header.Del("Accept-Language")
			w.Header().Set("Vary", "Accept-Language")
			fmt.Fprint(w, "in ", language)
		}), request("GET", "/x", "Accept-Language: evil"), "in ", "a layer inside has taken it, and the response is still for those who send it"},
	}
	for _, tt := range tests {
		cfg := forAnHour()
		cfg.Query = []string{}
		s := newSite(cfg, nil)
		h := tt.handler(s)
		s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if tt.outside != nil {
				tt.outside(r)
			}
			h.ServeHTTP(w, r)
		})
		s.do(tt.evil)
		for range 2 {
			if w := s.get("/x"); w.Body.String() != tt.want {
				t.Errorf("%s: %q, want %q: %s", tt.name, w.Body, tt.want, tt.why)
			}
		}
	}
}

// TestKeyTLS: handlers build links and redirects from whether the request came over TLS.
func TestKeyTLS(t *testing.T) {
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			http.Redirect(w, r, "https://"+r.Host+r.RequestURI, http.StatusMovedPermanently)
			return
		}
		fmt.Fprint(w, "page")
	})
	s.get("/")
	r := request("GET", "/")
	r.TLS = new(tls.ConnectionState)
	if w := s.do(r); w.Code != http.StatusOK {
		t.Errorf("%d to %s, which is where the client is", w.Code, w.Header().Get("Location"))
	}
	if w := s.get("/"); w.Code != http.StatusMovedPermanently {
		t.Errorf("without TLS: %d", w.Code)
	}
	s.do(r)
	if err := s.Revalidate(t.Context(), "/"); err != nil { // as it was last requested
		t.Fatal(err)
	}
	runs := s.runs.Load()
	if s.do(r); s.runs.Load() != runs {
		t.Error("another response was revalidated than readers ask for")
	}
}

// collide is a store that confuses keys, as with a short hash.
type collide struct{ cache.Store }

func (s collide) Get(ctx context.Context, key string) (*cache.Entry, error) {
	return s.Store.Get(ctx, "hash")
}

func (s collide) Set(ctx context.Context, e *cache.Entry) error {
	under := *e
	under.Key = "hash"
	if err := s.Store.Set(ctx, &under); err != nil {
		return err
	}
	stored, err := s.Store.Get(ctx, "hash")
	*stored = *e // with its own key, as a store would return it
	return err
}

func TestKeyIsComparedWithTheEntry(t *testing.T) {
	cfg := forAnHour()
	cfg.Store, cfg.Generations = collide{cache.NewStore(0)}, cache.NewGenerations(0)
	s := newSite(cfg, echo)
	for _, target := range []string{"/a", "/b", "/a"} {
		if w := s.get(target); w.Body.String() != echoed(request("GET", target)) {
			t.Errorf("%s got %s", target, w.Body)
		}
	}
}
