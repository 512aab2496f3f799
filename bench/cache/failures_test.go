package cache_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// These tests cover the failures around a cache: the handler, the upstream of a
// proxy, the store, and malicious clients. Each counts how often the handler runs,
// what the readers get, and how long the slowest waits by the clock of a bubble, in
// which only the handler takes time, 10 ms.

// A site is a cached page with readers.
type site struct {
	handler http.Handler
	pages   *cache.Cache
	status  atomic.Int64 // what the handler answers, 0 is 200
	runs    atomic.Int64
	log     testkit.Log
}

// newSite returns a site on a mux, which the cache uses to revalidate in the background.
func newSite(t *testing.T, cfg cache.Config) *site {
	s := new(site)
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		run := s.runs.Add(1)
		time.Sleep(work)
		if status := s.status.Load(); status != 0 {
			http.Error(w, http.StatusText(int(status)), int(status))
			return
		}
		fmt.Fprint(w, "page ", run)
	})
	cfg.Origin, cfg.Logger = mux, s.log.Logger()
	if cfg.Lifetime == (cache.Lifetime{}) {
		cfg.Lifetime = cache.Lifetime{TTL: time.Second, StaleWhileRevalidate: time.Hour}
	}
	s.pages = cache.New(cfg)
	s.handler = s.pages.Middleware(mux)
	t.Cleanup(func() { s.pages.Shutdown(context.Background()) })
	return s
}

// A visit is what many concurrent readers got.
type visit struct {
	runs    int64         // of the handler
	without int64         // readers that did not get a page
	slowest time.Duration // of the readers
}

func (v visit) String() string {
	return fmt.Sprintf("%3d runs, %2d readers without the page, slowest %v", v.runs, v.without, v.slowest)
}

// visit sends n concurrent readers.
func (s *site) visit(n int, method, path string) (v visit) {
	before := s.runs.Load()
	var without, slowest atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			begun := time.Now()
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "page ") {
				without.Add(1)
			}
			for took := int64(time.Since(begun)); ; {
				if old := slowest.Load(); old >= took || slowest.CompareAndSwap(old, took) {
					break
				}
			}
		})
	}
	wg.Wait()
	synctest.Wait() // for background revalidation that takes no time
	return visit{s.runs.Load() - before, without.Load(), time.Duration(slowest.Load())}
}

// TestFailedRefresh: the handler fails for a while. Readers get the old page at once,
// and the handler runs ever more rarely.
func TestFailedRefresh(t *testing.T) {
	const readers = 50
	for _, status := range []int{http.StatusTooManyRequests, http.StatusForbidden, http.StatusNotAcceptable, http.StatusInternalServerError, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, cache.Config{})
				s.visit(1, "GET", "/")
				time.Sleep(2 * time.Second)

				s.status.Store(int64(status))
				var minute visit
				for range 60 {
					v := s.visit(readers, "GET", "/")
					minute.runs += v.runs
					minute.without += v.without
					minute.slowest = max(minute.slowest, v.slowest)
					time.Sleep(time.Second)
				}
				s.status.Store(0)
				time.Sleep(time.Minute)
				after := s.visit(readers, "GET", "/")
				time.Sleep(work)
				again := s.visit(readers, "GET", "/")
				t.Logf("a minute of %d: %v; afterwards %v, then %v; %d records", status, minute, after, again, s.log.Len())
				if minute.runs > 10 || minute.without != 0 || minute.slowest != 0 {
					t.Error("one bad response amplifies the load, or is given to readers")
				}
				if after.runs != 1 || after.without != 0 || again.runs != 0 || again.without != 0 {
					t.Error("the page is not renewed afterwards")
				}
			})
		})
	}
}

// TestOneFailedRefresh: the handler fails once.
func TestOneFailedRefresh(t *testing.T) {
	for _, status := range []int{http.StatusTooManyRequests, http.StatusForbidden, http.StatusServiceUnavailable} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, cache.Config{})
				s.visit(1, "GET", "/")
				time.Sleep(2 * time.Second)
				s.status.Store(int64(status))
				s.visit(1, "GET", "/")
				time.Sleep(3 * work)
				s.status.Store(0)
				readers := s.visit(50, "GET", "/")
				time.Sleep(time.Minute)
				later := s.visit(20, "GET", "/")
				t.Logf("after one %d: %v; a minute later %v", status, readers, later)
				if readers.runs > 1 || readers.without != 0 || readers.slowest != 0 || later.runs > 1 || later.without != 0 {
					t.Error("one bad response has ended the caching")
				}
			})
		})
	}
}

// TestTruncatedUpstream: the upstream of a ReverseProxy aborts a response. The cache
// never serves the partial page, not after Revalidate either, and stores the complete
// page, whether its length is known at first or not.
func TestTruncatedUpstream(t *testing.T) {
	whole := strings.Repeat("0123456789", 2000)
	for _, chunked := range []bool{false, true} {
		for _, by := range []string{"a reader", "Revalidate", "Revalidate within http.TimeoutHandler"} {
			t.Run(fmt.Sprintf("chunked %t by %s", chunked, by), func(t *testing.T) {
				testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
					var runs atomic.Int64
					var broken atomic.Bool
					client, base := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						runs.Add(1)
						if !chunked {
							w.Header().Set("Content-Length", strconv.Itoa(len(whole)))
						}
						io.WriteString(w, whole[:len(whole)/2])
						if broken.Load() {
							http.NewResponseController(w).Flush()
							time.Sleep(work)
							panic(http.ErrAbortHandler)
						}
						io.WriteString(w, whole[len(whole)/2:])
					}))
					target, err := url.Parse(base)
					if err != nil {
						t.Fatal(err)
					}
					proxy := httputil.NewSingleHostReverseProxy(target)
					proxy.Transport = client.Transport
					proxy.ErrorLog = log.New(io.Discard, "", 0)
					var next http.Handler = proxy
					if strings.Contains(by, "TimeoutHandler") {
						next = http.TimeoutHandler(next, time.Minute, "") // which does not pass on flushes
					}
					pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Origin: next, Logger: slog.New(slog.DiscardHandler)})
					readers, at := tr.Serve(t, pages.Middleware(next))
					get := func() (whatCame string, err error) {
						resp, err := readers.Get(at + "/")
						if err != nil {
							return "", err
						}
						defer resp.Body.Close()
						body, err := io.ReadAll(resp.Body)
						return string(body), err
					}

					broken.Store(true)
					if by == "a reader" {
						if body, err := get(); err == nil {
							t.Errorf("half of the page looks whole: %d bytes", len(body))
						}
					} else if err := pages.Revalidate(t.Context(), "/"); err == nil {
						t.Error("Revalidate has stored half of the page")
					}
					broken.Store(false)
					for i := range 3 {
						if body, err := get(); err != nil || body != whole {
							t.Errorf("reader %d got %d of %d bytes, %v", i, len(body), len(whole), err)
						}
					}
					t.Logf("%s, chunked %t, truncated for %s: %d runs for 4 requests", tr.Name, chunked, by, runs.Load())
					if n := runs.Load(); n != 2 {
						t.Errorf("%d runs, want one that fails and one that is stored", n)
					}
				})
			})
		}
	}
}
