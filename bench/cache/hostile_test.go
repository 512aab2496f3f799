package cache_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// TestHostileWrites: requests with unsafe methods to paths that were never requested
// change neither the memory nor the store.
func TestHostileWrites(t *testing.T) {
	floods, limit := 2048, 8.0
	if *long {
		floods, limit = 1<<16, 64
	}
	long8KB := strings.Repeat("a", 8000)
	for _, test := range []struct {
		name string
		path string
	}{{"the handler accepts", "/%d" + long8KB}, {"the mux redirects", "/dir//%d" + long8KB}} {
		t.Run(test.name, func(t *testing.T) {
			runs := 0
			mux := http.NewServeMux()
			mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) { runs++; io.WriteString(w, "page") })
			mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {})
			pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}})
			h := pages.Middleware(mux)
			get := func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/page", nil)) }
			get()
			before, begun := heapMB(), time.Now()
			for i := range floods {
				h.ServeHTTP(httptest.NewRecorder(), request("POST", fmt.Sprintf(test.path, i)))
			}
			grown := heapMB() - before
			took := time.Since(begun) / time.Duration(floods)
			get()
			t.Logf("%d POSTs, %s: heap +%.1f MB, %v each, %d runs of the page", floods, test.name, grown, took.Round(time.Microsecond), runs)
			if grown > limit {
				t.Errorf("the heap grows by %.1f MB, want %v MB at most", grown, limit)
			}
			if runs != 1 {
				t.Errorf("the page ran %d times: strangers have invalidated it", runs)
			}
		})
	}
}

// TestHostileReads: the memory of a cache outside its store stays small for any requests.
func TestHostileReads(t *testing.T) {
	reads := 2048
	if *long {
		reads = 1 << 15
	}
	for _, test := range []struct{ name, control string }{{"pages", "max-age=60"}, {"private pages", "private"}} {
		t.Run(test.name, func(t *testing.T) {
			pages := cache.New(cache.Config{Store: cache.NewStore(1 << 20), Generations: cache.NewGenerations(0)})
			h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Cache-Control", test.control)
				io.WriteString(w, "page")
			}))
			before := heapMB()
			for i := range reads {
				r := request("GET", fmt.Sprintf("/%d%s", i, strings.Repeat("a", 4000)))
				r.Header.Set("X-Forwarded-Host", strings.Repeat("b", 3000))
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			grown := heapMB() - before
			t.Logf("%d GETs of different long URLs, %s, a store of 1 MB: heap +%.1f MB", reads, test.name, grown)
			if grown > 1+4+1 {
				t.Errorf("the heap grows by %.1f MB, want 4 MB beside the store", grown)
			}
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) // keeps the cache
		})
	}
}

// request returns a server request. It is cheaper than httptest.NewRequest, which parses one.
func request(method, path string) *http.Request {
	r, err := http.NewRequest(method, path, http.NoBody)
	if err != nil {
		panic(err)
	}
	r.Host, r.RequestURI = "example.com", path
	return r
}

// heapMB returns the heap in use after a garbage collection.
func heapMB() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc) / (1 << 20)
}
