package redis_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// A site is a page in a cache that is stored in Redis.
type site struct {
	handler http.Handler
	runs    atomic.Int64
	log     testkit.Log
}

func newSite(t testing.TB, addr string) *site {
	s := new(site)
	store := redis.NewStore(connect(t, addr), "cache:", redis.StoreConfig{})
	pages := cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: time.Hour},
		Store:    store, Generations: store, Locker: store,
		Logger: s.log.Logger(),
	})
	s.handler = pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "page ", s.runs.Add(1))
		time.Sleep(20 * time.Millisecond) // so that requests overlap
	}))
	return s
}

// visit sends n requests at once, and returns how long the slowest took, and how often
// the handler ran.
func (s *site) visit(t *testing.T, n int, method, path string) (slowest time.Duration, runs int64) {
	t.Helper()
	before := s.runs.Load()
	var longest atomic.Int64
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			begun := time.Now()
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), "page ") {
				t.Errorf("%s %s: %d %q", method, path, w.Code, w.Body)
			}
			for took := int64(time.Since(begun)); ; {
				if old := longest.Load(); old >= took || longest.CompareAndSwap(old, took) {
					break
				}
			}
		})
	}
	wg.Wait()
	return time.Duration(longest.Load()), s.runs.Load() - before
}

// hits reports whether the page is served from the cache.
func (s *site) hits(path string) bool {
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	return strings.Contains(w.Header().Get("Cache-Status"), "; hit")
}

// TestHungServer: Redis is there and does not respond, as when its machine swaps. The
// client would wait for it for 5 to 10 seconds each time. The cache waits for a quarter
// of a second once, and simultaneous requests wait for one run of the handler.
func TestHungServer(t *testing.T) {
	const readers = 20
	// Only a fault takes that long: the client gives up after 3 seconds at the earliest,
	// and retries.
	const bound = 2 * time.Second
	s := start(t)
	site := newSite(t, s.addr)
	eventually(t, "the page is stored", func() bool { return site.hits("/hit") })
	records := site.log.Len()
	s.signal(syscall.SIGSTOP)
	resume := sync.OnceFunc(func() { s.signal(syscall.SIGCONT) })
	t.Cleanup(resume)
	for _, visit := range []struct{ what, method, path string }{
		{"hits", "GET", "/hit"}, {"misses", "GET", "/miss"}, {"writes", "POST", "/hit"}, {"hits later", "GET", "/hit"},
	} {
		slowest, runs := site.visit(t, readers, visit.method, visit.path)
		t.Logf("hung: %d %-10s slowest %v, %d runs", readers, visit.what, slowest.Round(time.Millisecond), runs)
		if slowest > bound {
			t.Errorf("the slowest of %d %s took %v", readers, visit.what, slowest)
		}
		if visit.method == "GET" && runs > 1 {
			t.Errorf("%d runs for %d %s", runs, readers, visit.what)
		}
	}
	if n := site.log.Len() - records; n != 1 {
		t.Errorf("%d records of one change of state: %v", n, site.log.Records())
	}
	resume()
	eventually(t, "the cache has its store again", func() bool { return site.hits("/back") })
}

// TestHostileWrites: POSTs to paths without a stored response change neither the data in
// Redis nor what is served from it.
func TestHostileWrites(t *testing.T) {
	const floods = 2_000
	s := start(t)
	site := newSite(t, s.addr)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {})
	mux.HandleFunc("GET /page", func(w http.ResponseWriter, r *http.Request) { site.runs.Add(1); io.WriteString(w, "page ") })
	store := redis.NewStore(connect(t, s.addr), "cache:", redis.StoreConfig{})
	pages := cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: time.Hour},
		Store:    store, Generations: store, Locker: store,
		StoreTimeout: time.Minute, // a machine that is busy with the flood is not down
		Logger:       site.log.Logger(),
	})
	site.handler = pages.Middleware(mux)
	site.visit(t, 1, "GET", "/page")

	before, remembered := usedMemory(t, s), members(t, s)
	long := strings.Repeat("a", 8000)
	var wg sync.WaitGroup
	for client := range 4 {
		wg.Go(func() {
			for i := client; i < floods; i += 4 {
				path := fmt.Sprintf("/dir/%d%s", i, long)
				if i%2 == 0 {
					path = fmt.Sprintf("/dir//%d%s", i, long) // which the mux redirects
				}
				site.handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", path, nil))
			}
		})
	}
	wg.Wait()
	grown, more := usedMemory(t, s)-before, members(t, s)-remembered
	_, runs := site.visit(t, 1, "GET", "/page")
	t.Logf("%d POSTs: Redis has %d KB more, the page ran %d times more", floods, grown>>10, runs)
	if grown > 100<<10 || more != 0 {
		t.Errorf("Redis has grown by %d KB, and remembers %d tags more", grown>>10, more)
	}
	if runs != 0 || site.log.Len() != 0 {
		t.Errorf("the page ran %d times more, %d records", runs, site.log.Len())
	}
}

// members returns the number of members in the set of the store.
func members(t *testing.T, s *server) int64 {
	t.Helper()
	n, err := connect(t, s.addr).ZCard(t.Context(), "cache:generations").Result()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// usedMemory returns what Redis has allocated, except for connections.
func usedMemory(t *testing.T, s *server) int64 {
	t.Helper()
	info, err := connect(t, s.addr).InfoMap(t.Context(), "memory").Result()
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.ParseInt(info["Memory"]["used_memory_dataset"], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
