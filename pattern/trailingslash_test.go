package pattern_test

import (
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/pattern"
)

// TestTrailingSlashRedirectQuery: bytes that a header cannot hold are escaped in Location.
func TestTrailingSlashRedirectQuery(t *testing.T) {
	h := mustHandler(t, pattern.HandlerConfig{TrailingSlash: pattern.RedirectToBare}, "/a")
	r := httptest.NewRequest("GET", "/a/", nil)
	r.URL.RawQuery = "q=\xff \u00e9&ok=%20+1"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if got, want := w.Header().Get("Location"), "../a?q=%FF%20%C3%A9&ok=%20+1"; w.Code != 308 || got != want {
		t.Errorf("%d %q, want %q", w.Code, got, want)
	}
}
