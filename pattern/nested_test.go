package pattern_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/pattern"
)

func handler(t *testing.T, routes map[string]http.Handler, cfg pattern.HandlerConfig) http.Handler {
	t.Helper()
	h, err := pattern.NewHandler(routes, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestNestedHandlers: what an outer Handler has found under the same name must
// not be read as the inner one's parameter, whatever stands between.
func TestNestedHandlers(t *testing.T) {
	show := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q %q", r.PathValue("id"), pattern.Values(r, "id"), pattern.Query(r)["id"])
	})
	mux := func(h http.Handler) http.Handler {
		m := http.NewServeMux()
		m.Handle("/", h)
		return m
	}
	none := func(h http.Handler) http.Handler { return h }
	tests := []struct {
		name    string
		route   string
		config  pattern.HandlerConfig
		between func(http.Handler) http.Handler
		path    string
		want    string
	}{
		{"with values", "/user/[id]", pattern.HandlerConfig{}, none, "/org/7/user/42", `"42" ["42"] ["42"]`},
		{"without", "/user/[id]", pattern.HandlerConfig{NoPathValues: true}, none, "/org/7/user/42", `"42" ["42"] ["42"]`},
		{"through a mux", "/user/[id]", pattern.HandlerConfig{NoPathValues: true}, mux, "/org/7/user/42", `"42" ["42"] ["42"]`},
		{"took nothing", "/list/[[...id]]", pattern.HandlerConfig{}, none, "/org/7/list", `"" [] []`},
		{"took nothing through a mux", "/list/[[...id]]", pattern.HandlerConfig{}, mux, "/org/7/list?id=evil", `"" [] []`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inner := tt.between(handler(t, map[string]http.Handler{tt.route: show}, tt.config))
			outer := handler(t, map[string]http.Handler{
				"/org/[id]/[...rest]": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					http.StripPrefix("/org/"+r.PathValue("id"), inner).ServeHTTP(w, r)
				}),
			}, pattern.HandlerConfig{})
			w := httptest.NewRecorder()
			outer.ServeHTTP(w, httptest.NewRequest("GET", tt.path, nil))
			if got := w.Body.String(); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

// TestQueryCannotStandIn: not even where the path has been changed so that the
// value of the parameter is no longer to be found.
func TestQueryCannotStandIn(t *testing.T) {
	for _, without := range []bool{false, true} {
		var got string
		h := handler(t, map[string]http.Handler{
			"/api/user/[id]": http.StripPrefix("/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = pattern.Query(r).Get("id")
			})),
		}, pattern.HandlerConfig{NoPathValues: without})
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/user/42?id=evil", nil))
		if got == "evil" {
			t.Errorf("NoPathValues %t: the query string says %q, the path 42", without, got)
		}
	}
}

// TestRedirectQuery: bytes that have no place in a header are escaped on their
// way into Location.
func TestRedirectQuery(t *testing.T) {
	h := handler(t, map[string]http.Handler{"/a": http.NotFoundHandler()}, pattern.HandlerConfig{TrailingSlash: pattern.RedirectToBare})
	r := httptest.NewRequest("GET", "/a/", nil)
	r.URL.RawQuery = "q=\xff \u00e9&ok=%20+1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got, want := w.Header().Get("Location"), "../a?q=%FF%20%C3%A9&ok=%20+1"; w.Code != 308 || got != want {
		t.Errorf("%d %q, want %q", w.Code, got, want)
	}
}
