package cache_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
)

// TestStoreMemoryIsBounded: two thousand pages of 64 KiB do not take more memory than the
// store may.
func TestStoreMemoryIsBounded(t *testing.T) {
	const limit = 10 * bytesize.MB
	cfg := forAnHour()
	cfg.Store = cache.NewStore(limit)
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 64<<10)) })
	kept := func() (pages int, size bytesize.Size) {
		for i := range 2000 {
			if e, _ := cfg.Store.Get(t.Context(), s.keyOf(i)); e != nil {
				pages, size = pages+1, size+e.Size()
			}
		}
		return pages, size
	}
	var most bytesize.Size
	for i := range 2000 {
		s.get(fmt.Sprint("/", i))
		if i%250 == 0 {
			_, size := kept()
			most = max(most, size)
		}
	}
	pages, size := kept()
	most = max(most, size)
	if most > limit || pages < 100 {
		t.Errorf("%d pages take %v, at most %v", pages, size, most)
	}
	var mem runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&mem)
	t.Logf("%d pages, %v counted, at most %v; heap %v", pages, size, most, bytesize.Size(mem.HeapAlloc))
	runtime.KeepAlive(cfg.Store)
}

// keyOf returns the key of the page /i of a site.
func (s *site) keyOf(i int) string {
	path := fmt.Sprint("/", i)
	return fmt.Sprintf("11:example.com%d:%s0:", len(path), path)
}

// TestLongKeysAreBounded: what a cache remembers of requests is bounded in bytes, not
// only in number, against clients that make up long URLs.
func TestLongKeysAreBounded(t *testing.T) {
	long := strings.Repeat("x", 200_000)
	tests := map[string]struct {
		handler http.HandlerFunc
		request func(i int) *http.Request
	}{
		"private":   {set("Cache-Control: private"), func(i int) *http.Request { return request("GET", fmt.Sprint("/?", long, i)) }},
		"not found": {http.NotFound, func(i int) *http.Request { return request("GET", fmt.Sprint("/", long, i)) }},
		"write":     {set(), func(i int) *http.Request { return request("POST", fmt.Sprint("/", long, i)) }},
		"host": {set(), func(i int) *http.Request {
			return request("GET", fmt.Sprint("/", i), fmt.Sprint("X-Forwarded-Host: ", long, i))
		}},
		"vary": {set("Vary: User-Agent"), func(i int) *http.Request { return request("GET", "/", fmt.Sprint("User-Agent: ", long, i)) }},
		"private variant": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Vary", "User-Agent")
			if r.Header.Get("User-Agent") != "" {
				w.Header().Set("Cache-Control", "private")
			}
		}, func(i int) *http.Request {
			if i == 0 {
				return request("GET", "/")
			}
			return request("GET", "/", fmt.Sprint("User-Agent: ", long, i))
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := forAnHour()
			cfg.Store = cache.NewStore(10_000)
			cfg.Generations = cache.NewGenerations(0)
			s := newSite(cfg, nil)
			h := s.Middleware(tt.handler)
			before := heap()
			for i := range 100 {
				h.ServeHTTP(httptest.NewRecorder(), tt.request(i))
			}
			if grown := heap() - before; grown > 5<<20 {
				t.Errorf("%d KB are held after 100 requests", grown>>10)
			}
			runtime.KeepAlive(h)
		})
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestStoreKeepsHotEntries(t *testing.T) {
	cfg := forAnHour()
	cfg.Store = cache.NewStore(bytesize.MB)
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 10<<10)) })
	for i := range 5000 {
		s.get("/hot")
		s.get(fmt.Sprint("/random/", i))
	}
	if w := s.get("/hot"); !strings.Contains(w.Header().Get("Cache-Status"), "hit") {
		t.Error("a flood of other pages has pushed out the one that everybody asks for")
	}
}

var errDown = errors.New("down")

// down is a store and generations that fail on command.
type down struct {
	cache.Store
	cache.Generations
	get, set, next, raise, latest bool
}

func (d *down) Get(ctx context.Context, key string) (*cache.Entry, error) {
	if d.get {
		return nil, errDown
	}
	return d.Store.Get(ctx, key)
}

func (d *down) Set(ctx context.Context, e *cache.Entry) error {
	if d.set {
		return errDown
	}
	return d.Store.Set(ctx, e)
}

func (d *down) Next(ctx context.Context) (uint64, error) {
	if d.next {
		return 0, errDown
	}
	return d.Generations.Next(ctx)
}

func (d *down) Raise(ctx context.Context, n uint64, tags ...string) error {
	if d.raise {
		return errDown
	}
	return d.Generations.Raise(ctx, n, tags...)
}

func (d *down) Latest(ctx context.Context, tags ...string) (uint64, error) {
	if d.latest {
		return 0, errDown
	}
	return d.Generations.Latest(ctx, tags...)
}

// TestStoreDown: when the store is down the service is slower, not wrong, and the log
// stays short.
func TestStoreDown(t *testing.T) {
	for name, fail := range map[string]func(*down){
		"get":    func(d *down) { d.get = true },
		"set":    func(d *down) { d.set = true },
		"next":   func(d *down) { d.next = true },
		"latest": func(d *down) { d.latest = true },
		"all":    func(d *down) { d.get, d.set, d.next, d.raise, d.latest = true, true, true, true, true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &down{Store: cache.NewStore(0), Generations: cache.NewGenerations(0)}
				cfg := cache.Config{Lifetime: lifetime, Store: d, Generations: d, Origin: http.NewServeMux()}
				s := newSite(cfg, nil)
				s.get("/kept")
				fail(d)
				for i := range 10 {
					if w := s.get("/"); w.Body.String() != fmt.Sprint("run ", i+2) {
						t.Errorf("%d %q", w.Code, w.Body)
					}
				}
				if n := len(s.log.Records()); n != 1 {
					t.Errorf("%d records for what went wrong within one second, want 1", n)
				}
				time.Sleep(lifetime.TTL + time.Second)
				s.get("/kept")
				s.Shutdown(t.Context())
			})
		})
	}
	t.Run("raise", func(t *testing.T) {
		d := &down{Store: cache.NewStore(0), Generations: cache.NewGenerations(0), raise: true}
		b := newBlog(cache.Config{Store: d, Generations: d})
		b.get("/blog/1")
		if err := b.cache.InvalidateTag(t.Context(), "a"); !errors.Is(err, errDown) {
			t.Errorf("InvalidateTag: %v", err)
		}
		if err := b.cache.Revalidate(t.Context(), "/blog/1"); !errors.Is(err, errDown) {
			t.Errorf("Revalidate: %v", err)
		}
		d.next = true
		if err := b.cache.Revalidate(t.Context(), "/blog/1"); !errors.Is(err, errDown) {
			t.Errorf("Revalidate: %v", err)
		}
	})
}

func TestConfigValidate(t *testing.T) {
	err := cache.Config{Lifetime: cache.Lifetime{TTL: 60, StaleIfError: 5}, FillTimeout: 30, Store: &down{}}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"Lifetime.TTL of 60ns: write 60*time.Second", "StaleIfError", "FillTimeout", "Generations"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("New does not panic")
		}
	}()
	cache.New(cache.Config{FillTimeout: 30})
}

func TestHitAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "a", "b")
		set("Content-Type: text/html", `ETag: "1"`)(w, r)
	})
	s.get("/blog/1?page=2")
	r := request("GET", "/blog/1?page=2", "Accept: */*", "User-Agent: x", "Accept-Language: en")
	w := &discard{header: make(http.Header)}
	if n := testing.AllocsPerRun(100, func() {
		clear(w.header)
		s.ServeHTTP(w, r)
	}); n > 4 {
		t.Errorf("%v allocations for a hit, want at most 4", n)
	}
	if s.runs.Load() != 1 {
		t.Errorf("%d runs", s.runs.Load())
	}
}

// discard is a ResponseWriter without a client.
type discard struct{ header http.Header }

func (w *discard) Header() http.Header         { return w.header }
func (w *discard) WriteHeader(int)             {}
func (w *discard) Write(p []byte) (int, error) { return len(p), nil }

// TestGenerationsAfterARestart: entries of a store that outlives the process are unknown
// to new generations.
func TestGenerationsAfterARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := forAnHour()
		cfg.Store = cache.NewStore(0)
		start := func() *site {
			cfg.Generations = cache.NewGenerations(0)
			return newSite(cfg, func(w http.ResponseWriter, r *http.Request) { cache.Tag(r.Context(), "a") })
		}
		before := start()
		for i := range 10 {
			before.get(fmt.Sprint("/", i))
		}
		time.Sleep(time.Second)
		after := start()
		for range 2 {
			if err := after.InvalidateTag(t.Context(), "a"); err != nil {
				t.Fatal(err)
			}
			runs := after.runs.Load()
			after.get("/9")
			after.get("/9")
			if n := after.runs.Load() - runs; n != 1 {
				t.Errorf("%d runs for two readers after an invalidation, want 1", n)
			}
		}
	})
}

// TestLifetimeWithoutEnd: the largest duration means no limit.
func TestLifetimeWithoutEnd(t *testing.T) {
	e := cache.Entry{Created: time.Now(), Lifetime: cache.Lifetime{TTL: math.MaxInt64, StaleIfError: time.Hour}}
	if at := e.Expires(); at.Before(e.Created.AddDate(200, 0, 0)) {
		t.Errorf("expires at %v", at)
	}
}

// TestGenerationsForgetTags: a tag that was dropped counts as raised.
func TestGenerationsForgetTags(t *testing.T) {
	for _, max := range []int{1, 2, 7, -1} {
		gens := cache.NewGenerations(max)
		raised := map[string]uint64{}
		unknown, _ := gens.Latest(t.Context(), "tag:never")
		for i := range 200 {
			n, _ := gens.Next(t.Context())
			tag := fmt.Sprint("tag:", i%50)
			raised[tag] = n
			if err := gens.Raise(t.Context(), n, tag); err != nil {
				t.Fatal(err)
			}
			for tag, n := range raised {
				if at, _ := gens.Latest(t.Context(), tag); at < n {
					t.Fatalf("with room for %d tags, %s is at %d after it was raised to %d", max, tag, at, n)
				}
			}
		}
		if at, _ := gens.Latest(t.Context(), "tag:never"); max < 0 && at != unknown {
			t.Errorf("nothing was forgotten, and a new tag is at %d", at)
		}
	}
}
