package pattern_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"testing"

	"github.com/apiece/apiece/pattern"
)

// TestHandlerNoPathValues: without path values the parameters are read from the path, and
// no query string stands in for one, even with a Handler inside.
func TestHandlerNoPathValues(t *testing.T) {
	handler := func(route string, h http.Handler) http.Handler {
		got, err := pattern.NewHandler(map[string]http.Handler{route: h}, pattern.HandlerConfig{NoPathValues: true})
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for _, tt := range []struct {
		routes []string // from the outside
		target string
		want   url.Values
	}{
		{[]string{"/[id]"}, "/1?id=evil&x=y", url.Values{"id": {"1"}, "x": {"y"}}},
		{[]string{"/a/[...p]"}, "/a/b%2Fc/d/?p=evil", url.Values{"p": {"b/c", "d"}}},
		{[]string{"/a/[[...p]]"}, "/a?p=evil", url.Values{}},
		{[]string{"/[tenant]/[...rest]", "/[x]/post/[id]"}, "/acme/post/1?tenant=evil&rest=evil&id=evil",
			url.Values{"tenant": {"acme"}, "rest": {"post", "1"}, "x": {"acme"}, "id": {"1"}}},
		{[]string{"/[id]/[...rest]", "/acme/post/[id]"}, "/acme/post/1?id=evil", url.Values{"rest": {"post", "1"}, "id": {"1"}}},
		{[]string{"/[a]/[[...rest]]", "/[b]"}, "/1?a=evil&rest=evil&b=evil", url.Values{"a": {"1"}, "b": {"1"}}},
	} {
		var query url.Values
		var h http.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			query = pattern.Query(r)
			for name := range tt.want {
				if values := pattern.Values(r, name); name != "x" && !reflect.DeepEqual(values, query[name]) {
					t.Errorf("%s: Values(%s) is %q", tt.target, name, values)
				}
			}
		})
		for i := len(tt.routes) - 1; i >= 0; i-- {
			h = handler(tt.routes[i], h)
		}
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", tt.target, nil))
		if !reflect.DeepEqual(query, tt.want) {
			t.Errorf("%s through %q: %q, want %q", tt.target, tt.routes, query, tt.want)
		}
	}
}
