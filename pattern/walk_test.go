package pattern_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
)

type named string

func (named) ServeHTTP(http.ResponseWriter, *http.Request) { panic("Walk runs no handler") }

// circle is a handler that leads to itself.
type circle struct{ http.Handler }

func (c *circle) Unwrap() http.Handler { return c }

func TestWalk(t *testing.T) {
	routes := func(m map[string]http.Handler) http.Handler {
		h, err := pattern.NewHandler(m, pattern.HandlerConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	everything := middleware.New(middleware.Config{MaxDuration: time.Second, WarnUnresolved: true})
	hooked := middleware.New(middleware.Config{OnError: func(http.ResponseWriter, *http.Request, error) {}})
	chain := alice.New(middleware.Recover(nil), middleware.Timeout(time.Second), middleware.Timeout(0),
		middleware.Unresolved(nil), middleware.ResponseLimit(0), bodyparser.New(bodyparser.Config{}), hooked)
	foreign := http.StripPrefix("/x", named("hidden"))
	mux := http.NewServeMux()
	routes(map[string]http.Handler{"/a": named("a")}).(*pattern.Handler).Register(mux)
	registered, _ := mux.Handler(httptest.NewRequest("GET", "/a", nil))

	for _, c := range []struct {
		h    http.Handler
		want string // route, method and handler, and the number of layers
		why  string
	}{
		{nil, "", ""},
		{named("a"), "  a 1", "no middleware at all"},
		{everything(named("a")), "  a 6", "each piece of a Config"},
		{chain.Then(named("a")), "  a 10", "each alone, in a chain of alice"},
		{middleware.Methods{"POST": named("b"), "GET": chain.Then(named("a")), "PUT": nil}, " GET a 11;  POST b 2", ""},
		{chain.Then(middleware.Methods{"GET": named("a")}), " GET a 11", ""},
		{middleware.Methods{}, "  middleware.Methods 1", "there is nothing inside"},
		{routes(nil), "", ""},
		{routes(map[string]http.Handler{
			"/[...b]": named("b"),
			"/a/[id]": everything(middleware.Methods{"GET": named("get"), "PUT": everything(named("put"))}),
			"/a/x":    foreign,
		}), "/a/x  http.HandlerFunc 2; /a/[id] GET get 8; /a/[id] PUT put 13; /[...b]  b 2", "in the order of precedence"},
		{everything(routes(map[string]http.Handler{"/[[...a]]": chain.Then(routes(map[string]http.Handler{"/a/b": named("b")}))})), "/a/b  b 17", "the route further in"},
		{registered, "/a  a 2", "on a mux"},
		{&circle{}, "  *pattern_test.circle 1000", "no end, but one"},
	} {
		var got []string
		for e := range pattern.Walk(c.h) {
			h := fmt.Sprintf("%T", e.Handler())
			if n, ok := e.Handler().(named); ok {
				h = string(n)
			}
			got = append(got, fmt.Sprintf("%s %s %s %d", e.Pattern, e.Method, h, len(e.Layers)))
		}
		if got := strings.Join(got, "; "); got != c.want {
			t.Errorf("%T (%s)\n got %s\nwant %s", c.h, c.why, got, c.want)
		}
	}
	for range pattern.Walk(middleware.Methods{"GET": named("a"), "PUT": named("b")}) {
		break // stops here
	}
}

// TestWalkLayers: the layers of one endpoint are not overwritten by the next.
func TestWalkLayers(t *testing.T) {
	h := middleware.Recover(nil)(middleware.Methods{"GET": named("a"), "PUT": named("b"), "POST": named("c")})
	var all []pattern.Endpoint
	for e := range pattern.Walk(h) {
		all = append(all, e)
	}
	for i, want := range []string{"a", "c", "b"} {
		if all[i].Handler() != named(want) || all[i].Layers[0] != h {
			t.Errorf("%d: %v, want %s", i, all[i], want)
		}
	}
}

func TestHandlerLookup(t *testing.T) {
	routes := map[string]http.Handler{"/a/[id]": named("id"), "/a/b": named("b"), "/c/[...d]": named("d")}
	for _, notFound := range []http.Handler{nil, named("none")} {
		h, err := pattern.NewHandler(routes, pattern.HandlerConfig{NotFound: notFound, TrailingSlash: pattern.RedirectToBare})
		if err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]string{
			"/a/b": "/a/b", "/a/%62": "/a/b", "/a/x": "/a/[id]", "/a/b/": "/a/b", "/a/x%2Fy": "/a/[id]", "/c/x/y": "/c/[...d]",
			"/": "", "/a": "", "/a/..": "", "/a/b/c": "", "/a/%FF": "",
		} {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.Path = path
			if p, err := r.URL.Parse(path); err == nil {
				r.URL = p
			}
			handler, got := h.Handler(r)
			wantHandler := routes[want]
			if want == "" {
				wantHandler = notFound
			}
			if got != want || handler != wantHandler || r.Pattern != "" || r.PathValue("id") != "" {
				t.Errorf("%s: %v %q, want %q", path, handler, got, want)
			}
		}
	}
}
