package cache_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
)

// TestBackgroundRevalidationTimeoutIsLogged: clients get the old page and see no error,
// so only the log shows it.
func TestBackgroundRevalidationTimeoutIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testkit.Log
		c := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour, Public: true}})
		first := true
		h := c.Middleware(middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Second, Logger: log.Logger()})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !first {
					<-r.Context().Done()
				}
				first = false
				io.WriteString(w, "page")
			})))
		for range 2 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			if w.Body.String() != "page" {
				t.Errorf("%d %q", w.Code, w.Body)
			}
			time.Sleep(2 * time.Minute)
		}
		if got := log.Records(); len(got) != 1 || testkit.Attr(got[0], "status") != "504" || testkit.Attr(got[0], "revalidation") != "true" {
			t.Errorf("%d records, want one of the 504 of a revalidation: %v", len(got), got)
		}
	})
}
