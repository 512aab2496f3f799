package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// A slow store and generations respond after a while and ignore their context, as a
// client that hangs.
type slow struct {
	cache.Store
	cache.Generations
	takes atomic.Int64
	asked atomic.Int64
	wrong atomic.Bool // Set panics
}

func (s *slow) wait() {
	s.asked.Add(1)
	time.Sleep(time.Duration(s.takes.Load()))
}

func (s *slow) Get(ctx context.Context, key string) (*cache.Entry, error) {
	s.wait()
	return s.Store.Get(ctx, key)
}

func (s *slow) Set(ctx context.Context, e *cache.Entry) error {
	s.wait()
	if s.wrong.Load() {
		panic("a store of others")
	}
	return s.Store.Set(ctx, e)
}

func (s *slow) Next(ctx context.Context) (uint64, error) {
	s.wait()
	return s.Generations.Next(ctx)
}

func (s *slow) Raise(ctx context.Context, n uint64, tags ...string) error {
	s.wait()
	return s.Generations.Raise(ctx, n, tags...)
}

func (s *slow) Latest(ctx context.Context, tags ...string) (uint64, error) {
	s.wait()
	return s.Generations.Latest(ctx, tags...)
}

func (s *slow) Note(ctx context.Context, tag string, until time.Time) error {
	s.wait()
	return s.Generations.Note(ctx, tag, until)
}

func (s *slow) Noted(ctx context.Context, tag string) (bool, error) {
	s.wait()
	return s.Generations.Noted(ctx, tag)
}

func (s *slow) Lock(ctx context.Context, key string) (func(), error) {
	s.wait()
	return func() { s.wait() }, nil
}

// TestStoreTimesOut: a store that hangs costs one request the timeout, and then none for
// a while; handlers run once for simultaneous requests; each change is logged once; and
// the cache works again when the store does.
func TestStoreTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &slow{Store: cache.NewStore(0), Generations: cache.NewGenerations(0)}
		cfg := forAnHour()
		cfg.Store, cfg.Generations, cfg.Locker = hung, hung, hung
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "GET" {
				time.Sleep(100 * time.Millisecond)
			}
			fmt.Fprint(w, "body")
		})
		s.get("/page")
		hung.takes.Store(int64(time.Hour))
		took := func(method, path string) time.Duration {
			start := time.Now()
			if w := s.do(request(method, path)); w.Body.String() != "body" {
				t.Errorf("%s %s: %d %q", method, path, w.Code, w.Body)
			}
			return time.Since(start)
		}
		const handler, limit = 100 * time.Millisecond, 250 * time.Millisecond
		if d := took("GET", "/page"); d > handler+limit {
			t.Errorf("the first reader waited %v", d)
		}
		asked := hung.asked.Load()
		for _, method := range []string{"GET", "POST", "HEAD"} {
			if d := took(method, "/page"); d > handler {
				t.Errorf("%s: %v", method, d)
			}
		}
		if d := took("GET", "/other"); d > handler {
			t.Errorf("a miss: %v", d)
		}
		if n := hung.asked.Load() - asked; n != 0 {
			t.Errorf("it was asked %d times while it was to be left alone", n)
		}
		runs := s.runs.Load()
		for _, w := range s.together(50, plain) {
			if w.Body.String() != "body" {
				t.Errorf("%d %q", w.Code, w.Body)
			}
		}
		if n := s.runs.Load() - runs; n != 1 {
			t.Errorf("%d runs for 50 readers, want 1", n)
		}
		// In a quarter of an hour a few requests probe it, one at a time.
		asked = hung.asked.Load()
		slowest := 0
		for range 900 {
			if d := took("GET", "/page"); d > handler {
				slowest++
			}
			time.Sleep(time.Second)
		}
		if n := hung.asked.Load() - asked; n > 40 || slowest > 40 {
			t.Errorf("it was asked %d times, and %d readers waited", n, slowest)
		}
		if n := len(s.log.Records()); n != 1 {
			t.Errorf("%d records, want 1: %v", n, s.log.Records())
		}
		hung.takes.Store(0)
		time.Sleep(time.Minute)
		took("GET", "/page")
		took("GET", "/page")
		if got := s.get("/page").Header().Get("Cache-Status"); !strings.Contains(got, "hit") {
			t.Errorf("when it is back: %s", got)
		}
		if n := len(s.log.Records()); n != 2 {
			t.Errorf("%d records, want 2: %v", n, s.log.Records())
		}
		time.Sleep(2 * time.Hour) // until the hanging operations end
	})
}

// TestStorePanics: a panic in a store ends no process and no request.
func TestStorePanics(t *testing.T) {
	broken := &slow{Store: cache.NewStore(0), Generations: cache.NewGenerations(0)}
	broken.wrong.Store(true)
	cfg := forAnHour()
	cfg.Store, cfg.Generations = broken, broken
	s := newSite(cfg, nil)
	s.shows(t, "/", "run 1", "apiece; fwd=miss; detail=store")
	s.shows(t, "/", "run 2", "apiece; fwd=miss; detail=store")
	if n := len(s.log.Records()); n != 1 {
		t.Errorf("%d records, want 1: %v", n, s.log.Records())
	}
	broken.wrong.Store(false)
	s.get("/")
	if n := len(s.log.Records()); n != 2 || s.runs.Load() != 3 {
		t.Errorf("%d records, %d runs", n, s.runs.Load())
	}
}

// TestStatsCountEach counts one of each.
func TestStatsCountEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(cache.Config{Lifetime: lifetime}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/broken" {
				w.WriteHeader(500)
			}
			io.WriteString(w, "body")
		})
		s.get("/")                  // a miss, a fill
		s.get("/")                  // a hit
		s.get("/broken")            // a miss, a fill, an error
		s.do(request("PUT", "/"))   // bypassed; invalidated, twice
		s.get("/")                  // a miss, a fill
		s.get("/", `If-Match: "1"`) // bypassed
		time.Sleep(15 * time.Second)
		s.get("/") // stale, a fill
		synctest.Wait()
		got := s.Stats()
		if got.Bytes <= 0 {
			t.Errorf("%d bytes", got.Bytes)
		}
		got.Bytes = 0
		if want := (cache.Stats{Hits: 1, Stale: 1, Misses: 3, Bypassed: 2, Fills: 4, FillErrors: 1, Invalidated: 2}); got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestCacheStatusDetails: each reason is a token, as RFC 9211 requires.
func TestCacheStatusDetails(t *testing.T) {
	var seen []string
	detail := func(h http.HandlerFunc, fields ...string) string {
		s := newSite(forAnHour(), h)
		_, token, _ := strings.Cut(s.get("/", fields...).Header().Get("Cache-Status"), "; detail=")
		seen = append(seen, token)
		return token
	}
	for _, tt := range []struct {
		want   string
		h      http.HandlerFunc
		fields []string
	}{
		{"no-store", set("Cache-Control: no-store"), nil},
		{"private", set("Cache-Control: private"), nil},
		{"no-cache", set("Cache-Control: no-cache"), nil},
		{"set-cookie", set("Set-Cookie: a=1"), nil},
		{"vary", set("Vary: *"), nil},
		{"trailers", set("Trailer: X"), nil},
		{"stream", set("Content-Type: text/event-stream; charset=utf-8"), nil},
		{"stream", set("Content-Type: multipart/x-mixed-replace; boundary=x"), nil},
		{"credentials", set(), []string{"Cookie: a=1"}},
		{"too-large", set("Content-Length: 2000000"), nil},
		{"status", status(201), nil},
		{"status", status(503), nil},
		{"no-lifetime", set("Cache-Control: max-age=0"), nil},
		{"incomplete", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "body")
		}, nil},
		{"failed", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "body")
			w.WriteHeader(500)
		}, nil},
		{"range", set(), []string{"Range: bytes=0-1"}},
		{"request-no-store", set(), []string{"Cache-Control: no-store"}},
		{"precondition", set(), []string{`If-Match: "1"`}},
		{"upgrade", set(), []string{"Upgrade: websocket"}},
		{"", set(), nil},
	} {
		if got := detail(tt.h, tt.fields...); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
	slices.Sort(seen)
	if n := len(slices.Compact(seen)); n < 17 {
		t.Errorf("%d different", n)
	}
}

// TestWriteWhileStoreIsDown: invalidations made while the generations did not respond are
// effective when they do.
func TestWriteWhileStoreIsDown(t *testing.T) {
	d := &down{Store: cache.NewStore(0), Generations: cache.NewGenerations(0)}
	cfg := forAnHour()
	cfg.Store, cfg.Generations = d, d
	text := "old"
	s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			text = "new"
		}
		io.WriteString(w, text)
	})
	s.get("/")
	s.get("/other")
	d.next = true
	s.do(request("POST", "/"))
	if got := s.get("/").Body.String(); got != "new" {
		t.Errorf("while they are down: %q", got)
	}
	d.next = false
	for range 2 {
		if got := s.get("/").Body.String(); got != "new" {
			t.Errorf("when they are back: %q", got)
		}
	}
	if got := s.get("/").Header().Get("Cache-Status"); !strings.Contains(got, "hit") {
		t.Error(got)
	}
	if w := s.get("/other"); w.Body.String() != "old" {
		t.Error("what was not written to is gone as well")
	}
}
