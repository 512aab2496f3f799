package pattern_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
)

// capture serves a request and returns it as the handler saw it.
func capture(t *testing.T, mount func(http.Handler) http.Handler, target string) *http.Request {
	t.Helper()
	var got *http.Request
	h := mount(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r }))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
	if got == nil {
		t.Fatalf("%s did not reach the handler", target)
	}
	return got
}

func next(p string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		table, err := pattern.NewHandler(map[string]http.Handler{p: h}, pattern.HandlerConfig{})
		if err != nil {
			panic(err)
		}
		return table
	}
}

func mux(p string) func(http.Handler) http.Handler {
	return func(h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle(p, h)
		return m
	}
}

func TestQuery(t *testing.T) {
	for _, c := range []struct {
		name   string
		mount  func(http.Handler) http.Handler
		target string
		want   url.Values
		why    string
	}{
		{"no parameters", next("/a"), "/a?x=1&x=2&y", url.Values{"x": {"1", "2"}, "y": {""}}, "the query string alone"},
		{"a parameter wins", next("/a/[id]"), "/a/5?id=9&id=8", url.Values{"id": {"5"}}, "against repeated keys too"},
		{"catch-all", next("/a/[...p]"), "/a/x%2Fy/z?p=q", url.Values{"p": {"x/y", "z"}}, "an exact list"},
		{"absent", next("/a/[[...p]]"), "/a?p=q&x=1", url.Values{"x": {"1"}}, "no query string may stand in for it"},
		{"two parameters", next("/[x]/b/[...p]"), "/v%2F/b/x%2Fy/z/?x=q", url.Values{"x": {"v/"}, "p": {"x/y", "z"}}, ""},
		{"decoded percent signs", next("/[x]/[...p]"), "/20%25/100%25/%2541", url.Values{"x": {"20%"}, "p": {"100%", "%41"}}, "no value is decoded twice"},
		{"static encoded", next("/é/[x]"), "/%C3%A9/%2F", url.Values{"x": {"/"}}, ""},
		{"malformed pairs", next("/a"), "/a?x=%zz&y=1;z=2&w=3", url.Values{"w": {"3"}}, "as r.URL.Query"},
		{"ServeMux", mux("GET /a/{id}"), "/a/5?id=9", url.Values{"id": {"5"}}, "its wildcards count too"},
		{"ServeMux, host", mux("example.com/a/{p...}"), "/a/x%2Fy/z", url.Values{"p": {"x/y", "z"}}, ""},
		{"ServeMux, slash", mux("/a/{p...}"), "/a/x/y/", url.Values{"p": {"x", "y"}}, "the trailing slash is no value"},
		{"ServeMux, absent", mux("/a/{p...}"), "/a/?p=q", url.Values{}, ""},
		{"ServeMux, end", mux("/a/{x}/{$}"), "/a/v/?$=1", url.Values{"x": {"v"}, "$": {"1"}}, "{$} is no wildcard"},
		{"ServeMux, encoded slashes", mux("/{x}/{p...}"), "/a%2Fb/c%2F/d%2Fe", url.Values{"x": {"a/b"}, "p": {"c/", "d/e"}}, ""},
		{"braces in a route", next("/{x}/[y]"), "/%7Bx%7D/v?x=1", url.Values{"x": {"1"}, "y": {"v"}}, "static text of a route is no wildcard"},
		{"a catch-all of ServeMux in a route", next("/x/{id...}"), "/x/%7Bid...%7D?id=keep", url.Values{"id": {"keep"}}, "nor is this"},
		{"brackets in a mux", mux("/x/[id]"), "/x/[id]?id=keep", url.Values{"id": {"keep"}}, "static text of a ServeMux is no parameter"},
		{"brackets in a mux, encoded", mux("/x/[id]/{y}"), "/x/%5Bid%5D/%2Fz?id=keep", url.Values{"id": {"keep"}, "y": {"/z"}}, ""},
		{"a catch-all in a mux", mux("/x/[...id]"), "/x/[...id]?id=keep", url.Values{"id": {"keep"}}, ""},
		{"brackets in a mux, stripped", func(h http.Handler) http.Handler {
			return mux("/v1/[id]/")(http.StripPrefix("/v1/[id]", next("/post/[x]")(h)))
		}, "/v1/[id]/post/1?id=keep", url.Values{"id": {"keep"}, "x": {"1"}}, "nor outside of another router"},
		{"brackets in a query", next("/x/[id]"), "/x/1?[id]=a&[=b&=c&[]=d", url.Values{"id": {"1"}, "[id]": {"a"}, "[": {"b"}, "": {"c"}, "[]": {"d"}}, "what is noted of a route is no value"},
		{"StripPrefix", func(h http.Handler) http.Handler { return next("/a/[...p]")(http.StripPrefix("/a", h)) }, "/a/a/x%2Fy", url.Values{"p": {"a", "x/y"}}, "the values are those of the path that was matched"},
		{"StripPrefix, ServeMux", func(h http.Handler) http.Handler { return mux("/a/{p...}")(http.StripPrefix("/a/", h)) }, "/a/x%2Fy/z", url.Values{"p": {"x/y", "z"}}, ""},
	} {
		r := capture(t, c.mount, c.target)
		got := pattern.Query(r)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %s gives %q, want %q (%s)", c.name, c.target, got, c.want, c.why)
		}
		got.Set("mine", "1")
		if again := pattern.Query(r); !reflect.DeepEqual(again, c.want) {
			t.Errorf("%s: a change to the result stays: %q", c.name, again)
		}
		if pattern.Values(r, "no such name") != nil {
			t.Errorf("%s: a value for a name that is not there", c.name)
		}
		for name := range c.want {
			if v := pattern.Values(r, name); v != nil && !reflect.DeepEqual(v, c.want[name]) {
				t.Errorf("%s: Values gives %q for %s, want %q", c.name, v, name, c.want[name])
			}
		}
	}
}

func TestQueryWithoutRoute(t *testing.T) {
	r := httptest.NewRequest("GET", "/a?x=1", nil)
	if got := pattern.Query(r); !reflect.DeepEqual(got, url.Values{"x": {"1"}}) {
		t.Errorf("%q", got)
	}
	r = httptest.NewRequest("GET", "/a", nil)
	if got := pattern.Query(r); got == nil {
		t.Error("nil")
	}
	r.SetPathValue("set", "by/hand")
	if got := pattern.Values(r, "set"); !reflect.DeepEqual(got, []string{"by/hand"}) {
		t.Errorf("%q", got)
	}
}

// TestValuesAfterRewrites: changes of a request by handlers must not turn one value into
// another.
func TestValuesAfterRewrites(t *testing.T) {
	for _, c := range []struct {
		name    string
		rewrite func(*http.Request)
		want    []string
	}{
		{"nothing", func(*http.Request) {}, []string{"a/b", "c"}},
		{"another path", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/x/y", "" }, []string{"a/b", "c"}},
		{"a path without its encoding", func(r *http.Request) { r.URL.RawPath = "" }, []string{"a/b", "c"}},
		{"a longer path", func(r *http.Request) { r.URL.Path, r.URL.RawPath = "/1/2"+r.URL.Path, "/1/2"+r.URL.RawPath }, []string{"a/b", "c"}},
		{"another value", func(r *http.Request) { r.SetPathValue("p", "mine") }, []string{"mine"}},
		{"other values", func(r *http.Request) { r.SetPathValue("p", "my/own") }, []string{"my", "own"}},
	} {
		r := capture(t, next("/f/[...p]"), "/f/a%2Fb/c")
		c.rewrite(r)
		if got := pattern.Values(r, "p"); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestValuesAfterInnerRequests: a handler that sends its own requests through the same
// routes still has its parameters afterwards.
func TestValuesAfterInnerRequests(t *testing.T) {
	var h http.Handler
	var got []string
	h = next("/[x]/[...p]")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("x") == "batch" {
			inner := r.Clone(r.Context())
			inner.URL.Path, inner.URL.RawPath = "/inner/c%2Fd", "/inner/c%252Fd"
			h.ServeHTTP(w, inner)
		}
		got = append(got, pattern.Values(r, "p")...)
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/batch/a/b", nil))
	if want := []string{"c%2Fd", "a", "b"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestValuesAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	r := capture(t, next("/a/[id]"), "/a/7")
	if n := testing.AllocsPerRun(100, func() { sink += len(pattern.Values(r, "id")) }); n > 1 {
		t.Errorf("%.0f allocations, the list alone is one", n)
	}
}
