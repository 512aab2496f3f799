package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// FuzzHeaders: a directive that forbids storing always applies, and no header stops the
// cache from responding.
func FuzzHeaders(f *testing.F) {
	f.Add("max-age=60, public", `"1", W/"2"`, "Accept, accept-language", "Thu, 01 Jan 2099 00:00:00 GMT")
	f.Add(`private="a, b", max-age="60"`, "*", "*", "0")
	f.Add(`x="\"`, `W/"`, ",,", "-1")
	f.Add("stale-while-revalidate=99999999999999999999,s-maxage=1", `"a,b", "c"`, "Host", "")
	store, pages := cache.NewStore(0), 0
	f.Fuzz(func(t *testing.T, cacheControl, noneMatch, vary, expires string) {
		for _, say := range []struct {
			value  string
			stored bool
		}{{cacheControl, true}, {"no-store," + cacheControl, false}, {"Private ," + cacheControl, false}} {
			cfg := forAnHour()
			cfg.Store, cfg.Generations = store, cache.NewGenerations(8)
			s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
				cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Second})
				h := w.Header()
				h["Cache-Control"], h["Vary"], h["Expires"], h["Etag"] = []string{say.value}, []string{vary}, []string{expires}, []string{`"1"`}
				io.WriteString(w, "body")
			})
			pages++
			r := request("GET", fmt.Sprint("/", pages))
			r.Header["If-None-Match"] = []string{noneMatch}
			w := s.do(r)
			status := w.Header().Get("Cache-Status")
			if w.Code != 200 && w.Code != 304 || !say.stored && !strings.HasPrefix(status, "apiece; fwd=miss; detail=") {
				t.Errorf("%q: %d %s", say.value, w.Code, status)
			}
		}
	})
}
