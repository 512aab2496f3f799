package pattern_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// show responds with the route, the path values and the query.
func show(w http.ResponseWriter, r *http.Request) {
	var values []string
	for _, name := range []string{"id", "slug", "tenant"} {
		if v := r.PathValue(name); v != "" {
			values = append(values, fmt.Sprintf("%s=%s%q", name, v, pattern.Values(r, name)))
		}
	}
	fmt.Fprintf(w, "%s %s", r.Pattern, strings.Join(values, " "))
}

func mustHandler(t testing.TB, cfg pattern.HandlerConfig, patterns ...string) *pattern.Handler {
	t.Helper()
	routes := map[string]http.Handler{}
	for _, p := range patterns {
		routes[p] = http.HandlerFunc(show)
	}
	h, err := pattern.NewHandler(routes, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// fetch sends a request line unchanged, and returns status and body, or status
// and location of a redirect.
func fetch(t *testing.T, addr, method, path string) string {
	t.Helper()
	resp, err := sendRaw(addr, method, path)
	if err != nil {
		t.Fatal(err)
	}
	if to := resp.Header.Get("Location"); to != "" {
		return fmt.Sprint(resp.StatusCode, " ", to)
	}
	return fmt.Sprint(resp.StatusCode, " ", strings.TrimSpace(testkit.Body(t, resp)))
}

func TestHandlerAll(t *testing.T) {
	patterns := []string{"/b/[...c]", "/b/[c]", "/a", "/[[...d]]", "/b/x"}
	routes := map[string]http.Handler{}
	for _, p := range patterns {
		routes[p] = http.RedirectHandler(p, http.StatusFound)
	}
	h, err := pattern.NewHandler(routes, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for p, handler := range h.All() {
		if got = append(got, p.String()); handler != routes[p.String()] {
			t.Errorf("the handler of %s is %v", p, handler)
		}
		if p.String() == "/b/[...c]" {
			break
		}
	}
	if want := "[/a /b/x /b/[c] /b/[...c]]"; fmt.Sprint(got) != want {
		t.Errorf("%v, want %s: in the order of precedence, up to where the loop ends", got, want)
	}
}

// TestHandlerMountedOnServeMux mounts a Handler in every possible way next to other routes of the
// service, and sends the same requests.
func TestHandlerMountedOnServeMux(t *testing.T) {
	routes := []string{"/api", "/api/post/create", "/api/post/[id]", "/api/post/[id]/[...slug]", "/api/docs/[[...slug]]"}
	const mount = "404 problem" // the handler's own 404, as opposed to "404 mux"
	host := func(mux *http.ServeMux) {
		mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "mux", http.StatusNotFound) })
		mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "health") })
		mux.HandleFunc("/api/{other}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "other") })
	}
	for _, m := range []struct {
		name  string
		mount func(*http.ServeMux, *pattern.Handler)
		want  map[string]string
	}{
		{"Register", func(mux *http.ServeMux, h *pattern.Handler) { h.Register(mux) }, map[string]string{
			"/api":           "200 /api",
			"/api/":          "200 /api",
			"/api/health":    "200 health",
			"/api/unknown":   "200 other",
			"/api/unknown/x": "404 mux",
			"/api/post":      mount, // no route matches, but it belongs to the subtree
			"/other":         "404 mux",
		}},
		{"subtree /api/", func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/api/", h) }, map[string]string{
			"/api":           "307 /api/", // ServeMux, before the handler
			"/api/":          "200 /api",
			"/api/health":    "200 health",
			"/api/unknown/x": mount,
			"/api/docs":      "200 other", // "/api/{other}" is more specific than "/api/"
			"/other":         "404 mux",
		}},
		{"subtree with a method and a host", func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("GET example.com/api/", h) }, map[string]string{
			"/api/":          "200 /api",
			"/api/unknown/x": mount,
			"/other":         "404 mux",
		}},
		{"deeper subtrees", func(mux *http.ServeMux, h *pattern.Handler) {
			for _, p := range []string{"/api/post/", "/api/docs/", "/api/docs"} {
				mux.Handle(p, h)
			}
		}, map[string]string{
			"/api":           "404 mux",
			"/api/unknown/x": "404 mux",
			"/api/post":      "200 other",
			"/api/post/":     mount,
		}},
	} {
		mux := http.NewServeMux()
		host(mux)
		m.mount(mux, mustHandler(t, pattern.HandlerConfig{}, routes...))
		addr := serve(t, mux)
		common := map[string]string{
			"/api/post/create":      "200 /api/post/create",
			"/api/post/create/":     "200 /api/post/create",
			"/api/post/7":           `200 /api/post/[id] id=7["7"]`,
			"/api/post/7/":          `200 /api/post/[id] id=7["7"]`,
			"/api/post/a%2Fb":       `200 /api/post/[id] id=a/b["a/b"]`,
			"/api/post/100%25":      `200 /api/post/[id] id=100%["100%"]`,
			"/api/post/%2525":       `200 /api/post/[id] id=%25["%25"]`,
			"/api/post/%63reate":    "200 /api/post/create", // static segments compare decoded
			"/api/post/caf%C3%A9":   `200 /api/post/[id] id=café["café"]`,
			"/api/post/7/a%2Fb/c":   `200 /api/post/[id]/[...slug] id=7["7"] slug=a/b/c["a/b" "c"]`,
			"/api/post/7/a/b/":      `200 /api/post/[id]/[...slug] id=7["7"] slug=a/b["a" "b"]`,
			"/api/docs":             "200 /api/docs/[[...slug]]",
			"/api/docs/":            "200 /api/docs/[[...slug]]",
			"/api/docs/a":           `200 /api/docs/[[...slug]] slug=a["a"]`,
			"/api/post/%ff":         "400 problem",
			"/api/post/%FF":         "400 problem", // RawPath is empty for this one
			"/api/post/%2e%2e":      mount,         // ServeMux cleans only unencoded segments
			"/api/post/../post/7":   "307 /api/post/7",
			"/api/post//7":          "307 /api/post/7",
			"/api/post/%2e%2e%2fx":  `200 /api/post/[id] id=../x["../x"]`,
			"//evil.example/api":    "307 /evil.example/api",
			"/api/post/7?next=%2F/": `200 /api/post/[id] id=7["7"]`,
		}
		for path, want := range m.want {
			common[path] = want
		}
		for path, want := range common {
			got := fetch(t, addr, "GET", path)
			if strings.HasPrefix(got, "404 {") || strings.HasPrefix(got, "400 {") {
				got = got[:4] + "problem"
			}
			if got != want {
				t.Errorf("%s: %s: %s, want %s", m.name, path, got, want)
			}
		}
	}
}

// TestHandlerDecodedPaths: a path without a RawPath is decoded already. It must not be
// decoded again, with any number and position of segments.
func TestHandlerDecodedPaths(t *testing.T) {
	// The match follows this one for as long as it can.
	deep := ""
	for i := range 40 {
		deep += fmt.Sprintf("/[p%d]", i)
	}
	for n := range 60 {
		for _, p := range []string{"/[...slug]", "/[[...slug]]", "/[p0]/[...slug]"} {
			var got []string
			h, err := pattern.NewHandler(map[string]http.Handler{
				deep + "/end": http.NotFoundHandler(),
				p: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					got = strings.Split(r.PathValue("slug"), "/")
				}),
			}, pattern.HandlerConfig{})
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest("GET", "/"+strings.Repeat("seg/", n)+"20%25/100%2541", nil)
			if r.URL.RawPath != "" {
				t.Fatal("the path is not decoded")
			}
			h.ServeHTTP(httptest.NewRecorder(), r)
			if last := got[len(got)-1]; last != "100%41" {
				t.Errorf("%s, %d segments more: %q", p, n, got)
			}
		}
	}
}

// TestHandlerStripPrefix: the routes match the remaining path.
func TestHandlerStripPrefix(t *testing.T) {
	mux := http.NewServeMux()
	h := mustHandler(t, pattern.HandlerConfig{}, "/", "/post/[id]", "/files/[[...slug]]")
	mux.Handle("/api/", http.StripPrefix("/api", h))
	mux.Handle("/api", http.StripPrefix("/api", h))
	mux.Handle("/v2/", http.StripPrefix("/v2/", h)) // leaves no leading slash
	addr := serve(t, mux)
	for path, want := range map[string]string{
		"/api":              "200 /",
		"/api/":             "200 /",
		"/api/post/a%2Fb":   `200 /post/[id] id=a/b["a/b"]`,
		"/api/files/a%2F/b": `200 /files/[[...slug]] slug=a//b["a/" "b"]`,
		"/v2/":              "200 /",
		"/v2/post/7":        `200 /post/[id] id=7["7"]`,
		"/v2/files/a%2Fb/c": `200 /files/[[...slug]] slug=a/b/c["a/b" "c"]`,
	} {
		if got := fetch(t, addr, "GET", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

// TestTrailingSlashRedirects follows the redirects of every policy under every mount. They
// must end at the handler, on the same site, and keep the query.
func TestTrailingSlashRedirects(t *testing.T) {
	routes := []string{"/api", "/api/[id]", "/api/files/[...slug]", "/api/opt/[[...slug]]"}
	mounts := map[string]func(*http.ServeMux, *pattern.Handler){
		"Register":    func(mux *http.ServeMux, h *pattern.Handler) { h.Register(mux) },
		"root":        func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/", h) },
		"subtree":     func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/api/", h) },
		"method":      func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("GET /api/", h) },
		"wildcard":    func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/{any}/", h) },
		"end":         func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/", h); mux.Handle("/api/{$}", h) },
		"rest":        func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/api/{rest...}", h) },
		"two levels":  func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/api/", h); mux.Handle("/api/files/", h) },
		"StripPrefix": func(mux *http.ServeMux, h *pattern.Handler) { mux.Handle("/v1/", http.StripPrefix("/v1", h)) },
		"StripPrefix at a route": func(mux *http.ServeMux, h *pattern.Handler) {
			mux.Handle("/v1/api/", http.StripPrefix("/v1", h))
		},
	}
	for name, mount := range mounts {
		for _, policy := range []pattern.TrailingSlash{pattern.ServeBoth, pattern.RedirectToBare, pattern.RedirectToSlash} {
			mux := http.NewServeMux()
			mount(mux, mustHandler(t, pattern.HandlerConfig{TrailingSlash: policy}, routes...))
			addr := serve(t, mux)
			for _, path := range []string{
				"/api", "/api/", "/api/x", "/api/x/", "/api/files/a/b", "/api/files/a/b/", "/api/opt", "/api/opt/", "/api/opt/a/",
				"/api/a:b/", "/api/a:b", "/api/%2F%2Fevil.example", "/api/%2F%2Fevil.example/", "/api/%5Cevil.example/", "/api/x.json", "/api/x.json/", "/api/a%20b/", "/api/%3F/",
			} {
				if strings.HasPrefix(name, "StripPrefix") {
					path = "/v1" + path
				}
				want := "GET" + strings.TrimSuffix(path, "/")
				at, steps := path+"?q=1", 0
				for ; ; steps++ {
					got := fetch(t, addr, "GET", at)
					if strings.HasPrefix(got, "200 ") {
						break
					}
					status, location, _ := strings.Cut(got, " ")
					next, err := resolve(at, location)
					if steps > 2 || err != nil || status != "308" && status != "307" || strings.HasPrefix(location, "//") || strings.HasPrefix(location, `/\`) {
						t.Errorf("%s, policy %d: %s leads to %s after %d redirects: %v", name, policy, path, got, steps, err)
						break
					}
					at = next
				}
				end, query, _ := strings.Cut(at, "?")
				if "GET"+strings.TrimSuffix(end, "/") != want || query != "q=1" {
					t.Errorf("%s, policy %d: %s ends at %s", name, policy, path, at)
				}
				if policy == pattern.RedirectToSlash && name == "root" && strings.HasSuffix(end, "/") == strings.Contains(end, ".") {
					t.Errorf("%s, policy %d: %s ends at %s", name, policy, path, at)
				}
				if policy == pattern.RedirectToBare && (name == "root" || name == "Register") && strings.HasSuffix(end, "/") {
					t.Errorf("%s, policy %d: %s ends at %s", name, policy, path, at)
				}
			}
		}
	}
}

func TestHandlerNotFoundAndOnError(t *testing.T) {
	var failed error
	cfg := pattern.HandlerConfig{
		NotFound: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "mine", http.StatusNotFound) }),
		OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			failed = err
			w.WriteHeader(err.(interface{ StatusCode() int }).StatusCode())
		},
	}
	h := mustHandler(t, cfg, "/a/[id]")
	for _, c := range []struct {
		path     string
		notFound bool // without the hook the error is the same
		status   int
	}{
		{"/b", true, 404},
		{"/a/%ff", false, 400},
	} {
		for _, hook := range []bool{true, false} {
			failed = nil
			h := h
			if !hook {
				cfg := cfg
				cfg.NotFound = nil
				h = mustHandler(t, cfg, "/a/[id]")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", c.path, nil))
			if w.Code != c.status || (failed == nil) != (c.notFound && hook) {
				t.Errorf("%s, hook %t: %d, OnError got %v", c.path, hook, w.Code, failed)
			}
		}
	}
	w := httptest.NewRecorder()
	mustHandler(t, pattern.HandlerConfig{}, "/a/[id]").ServeHTTP(w, httptest.NewRequest("GET", "/a/%ff", nil))
	if got := w.Body.String(); w.Code != 400 || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(got, "Malformed path") {
		t.Errorf("without hooks: %d %s %s", w.Code, w.Header(), got)
	}
}

// TestHandlerOnErrorInside: the hook responds to errors that handlers inside leave to it,
// and their requests are like those without a hook.
func TestHandlerOnErrorInside(t *testing.T) {
	hook := func(w http.ResponseWriter, r *http.Request, err error) {
		fmt.Fprintf(w, "hook: %v", err.(interface{ StatusCode() int }).StatusCode())
	}
	fails := reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return reply.NewError(409, "") })
	for _, c := range []struct {
		method, path, want string
	}{
		{"POST", "/a/1", "hook: 405"},
		{"GET", "/a/1", "/a/[id] id=1[\"1\"]"},
		{"GET", "/b/x/y", "/b/[...slug] slug=x/y[\"x\" \"y\"]"},
		{"GET", "/c", "hook: 409"},
		{"GET", "/d/e", "/d/[id] id=e[\"e\"]"},
		{"GET", "/d/e/f", "hook: 404"},
		{"GET", "/z", "hook: 409"},
	} {
		inner := mustHandler(t, pattern.HandlerConfig{}, "/d/[id]")
		h, err := pattern.NewHandler(map[string]http.Handler{
			"/a/[id]":      middleware.Methods{"GET": http.HandlerFunc(show)},
			"/b/[...slug]": http.HandlerFunc(show),
			"/c":           fails,
			"/d/[...rest]": inner,
		}, pattern.HandlerConfig{OnError: hook, NotFound: fails})
		if err != nil {
			t.Fatal(err)
		}
		w, r := httptest.NewRecorder(), httptest.NewRequest(c.method, c.path, nil)
		h.ServeHTTP(w, r)
		if got := strings.TrimSpace(w.Body.String()); got != c.want {
			t.Errorf("%s %s: %s, want %s", c.method, c.path, got, c.want)
		}
		if route, _, _ := strings.Cut(c.want, " "); strings.HasPrefix(route, "/") && r.Pattern != route {
			t.Errorf("%s: outside the pattern is %s", c.path, r.Pattern)
		}
	}
}

// TestHandlerPatternSeenOutside: layers around the handler see the route afterwards.
func TestHandlerPatternSeenOutside(t *testing.T) {
	mux := http.NewServeMux()
	mustHandler(t, pattern.HandlerConfig{}, "/api/post/[id]").Register(mux)
	var seen string
	logger := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r)
		seen = r.Pattern
	})
	logger.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/post/7", nil))
	if seen != "/api/post/[id]" {
		t.Errorf("r.Pattern is %q afterwards", seen)
	}
}

// TestHandlerInsideServeMuxWildcards: a mux outside has wildcards with the names of the route.
func TestHandlerInsideServeMuxWildcards(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("/{id}/{tenant}/{slug...}", mustHandler(t, pattern.HandlerConfig{}, "/[tenant]/[id]/[[...slug]]"))
	addr := serve(t, mux)
	for path, want := range map[string]string{
		"/a/b/c%2Fd/e": `200 /[tenant]/[id]/[[...slug]] id=b["b"] slug=c/d/e["c/d" "e"] tenant=a["a"]`,
		"/a/b/":        `200 /[tenant]/[id]/[[...slug]] id=b["b"] tenant=a["a"]`,
	} {
		if got := fetch(t, addr, "GET", path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestRegisterPanics(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /", show)
	defer func() {
		if got := fmt.Sprint(recover()); !strings.Contains(got, "GET /{$}") || !strings.Contains(got, "conflicts with") {
			t.Errorf("panic: %s", got)
		}
	}()
	mustHandler(t, pattern.HandlerConfig{}, "/api/[id]").Register(mux)
}

// TestRegisterPaths checks what Register takes of a mux, by what reaches a
// catch-all handler.
func TestRegisterPaths(t *testing.T) {
	for _, c := range []struct {
		routes    []string
		ours, not []string
	}{
		{[]string{"/"}, []string{"/"}, []string{"/a"}},
		{[]string{"/[...slug]"}, []string{"/", "/a", "/a/b"}, nil},
		{[]string{"/a/b"}, []string{"/a/b", "/a/b/"}, []string{"/a", "/a/", "/a/b/c"}},
		{[]string{"/a/[id]"}, []string{"/a", "/a/", "/a/b", "/a/b/c"}, []string{"/", "/ab"}},
		{[]string{"/a/[id]", "/a/b/c", "/ab"}, []string{"/a/b/c", "/ab", "/ab/"}, []string{"/ab/c"}},
		{[]string{"/a b/{x}/%/[id]"}, []string{"/a%20b/%7Bx%7D/%25/1", "/a%20b/%7Bx%7D/%25"}, []string{"/a%20b/x"}},
	} {
		mux := http.NewServeMux()
		mustHandler(t, pattern.HandlerConfig{NotFound: http.HandlerFunc(show)}, c.routes...).Register(mux)
		reaches := func(path string) bool {
			_, p := mux.Handler(httptest.NewRequest("GET", path, nil))
			return p != ""
		}
		for _, path := range c.ours {
			if !reaches(path) {
				t.Errorf("%q: %s is not registered", c.routes, path)
			}
		}
		for _, path := range c.not {
			if reaches(path) {
				t.Errorf("%q: %s is registered", c.routes, path)
			}
		}
	}
}

func TestHandlerAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	empty := map[string]http.Handler{}
	for _, p := range []string{"/a", "/a/[id]", "/a/[id]/[b]/[c]/[d]", "/files/[...slug]", "/docs/[[...slug]]"} {
		empty[p] = http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	}
	for _, c := range []struct {
		path string
		most float64
	}{
		{"/a", 0},
		{"/a/", 0},
		{"/a/7", 2}, // the map of r.PathValue and its first eight places
		{"/a/7/b/c/d", 2},
		{"/files/a/b/c", 2},
		{"/docs", 2}, // the note that it took nothing
	} {
		h, err := pattern.NewHandler(empty, pattern.HandlerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		template := httptest.NewRequest("GET", c.path, nil)
		w, r := httptest.NewRecorder(), new(http.Request)
		if n := testing.AllocsPerRun(100, func() { *r = *template; h.ServeHTTP(w, r) }); n > c.most {
			t.Errorf("%s: %.0f allocations, at most %.0f", c.path, n, c.most)
		}
	}
}

// TestNewHandlerRefusesMethods: a method as in http.ServeMux would be part of a path
// that no client requests, so registration refuses it.
func TestNewHandlerRefusesMethods(t *testing.T) {
	for key, ok := range map[string]bool{
		"GET /post/[id]":  false,
		"GET  /post/[id]": false,
		"PURGE\t/post":    false,
		"GET /":           false,
		"/GET /post":      true, // a path, if a strange one
		"a b/post":        true,
		"GET":             true,
	} {
		_, err := pattern.NewHandler(map[string]http.Handler{key: http.NotFoundHandler()}, pattern.HandlerConfig{})
		if ok != (err == nil) {
			t.Errorf("%q: %v", key, err)
		}
	}
}
