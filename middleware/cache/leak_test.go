package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// TestErrorForOneClientIsNotShared: an error for one client, which the old response was
// to replace, is not sent to waiting requests if that expires meanwhile. They get an
// error of their own, and do not run the handler one after the other.
func TestErrorForOneClientIsNotShared(t *testing.T) {
	for _, name := range []string{"credentials", "cookie", "private"} {
		synctest.Test(t, func(t *testing.T) {
			fails := false
			s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: time.Second, StaleIfError: 10 * time.Second}}, func(w http.ResponseWriter, r *http.Request) {
				if !fails {
					w.Header().Set("Cache-Control", "public")
					io.WriteString(w, "page")
					return
				}
				switch name {
				case "cookie":
					w.Header().Set("Set-Cookie", "session=1")
				case "private":
					w.Header().Set("Cache-Control", "private")
				}
				w.WriteHeader(503)
				io.WriteString(w, "sorry, "+r.Header.Get("Cookie"))
				time.Sleep(2 * time.Second)
			})
			s.get("/")
			fails = true
			time.Sleep(10 * time.Second)
			answers := s.together(3, func(i int) *http.Request {
				time.Sleep(time.Duration(i) * time.Millisecond) // the first one leads
				return request("GET", "/", fmt.Sprint("Cookie: ", []string{"alice", "bob", "carol"}[i]))
			})
			if got := answers[0].Body.String(); got != "sorry, alice" {
				t.Errorf("%s: alice got %q", name, got)
			}
			for _, w := range answers[1:] {
				if w.Code != 503 || strings.Contains(w.Body.String(), "sorry") || w.Header()["Set-Cookie"] != nil {
					t.Errorf("%s: another got %d %q %q", name, w.Code, w.Body, w.Header()["Set-Cookie"])
				}
			}
			if n := s.runs.Load(); n != 2 {
				t.Errorf("%s: %d runs, want 2", name, n)
			}
		})
	}
}

// TestRevalidationDropsPrivateResponse: if revalidation makes a page private, the stored
// one is dropped, and not tried again by each request.
func TestRevalidationDropsPrivateResponse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour, Public: true}}
		personal := false
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			if personal {
				cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Minute})
			}
			fmt.Fprint(w, "for ", r.Header.Get("Cookie"))
		})
		s.shows(t, "/", "for ", "apiece; fwd=miss; stored", "Cookie: alice")
		personal = true
		time.Sleep(2 * time.Minute)
		s.shows(t, "/", "for ", "apiece; hit; ttl=-60", "Cookie: alice") // starts the revalidation
		synctest.Wait()
		for _, who := range []string{"bob", "alice"} {
			if got := s.get("/", "Cookie: "+who).Body.String(); got != "for "+who {
				t.Errorf("%s got %q", who, got)
			}
		}
	})
}

// TestFlushedResponseIsNotStoredOverAWrite: a flushed response that takes longer than a
// handler may is not stored over a later write.
func TestFlushedResponseIsNotStoredOverAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		version := 1
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" {
				version = 2
				return
			}
			seen := version
			_ = http.NewResponseController(w).Flush()
			time.Sleep(2 * time.Minute)
			fmt.Fprint(w, "version ", seen)
		})
		ends(func() { s.get("/") })
		time.Sleep(time.Minute)
		s.do(request("POST", "/"))
		time.Sleep(2 * time.Minute)
		if got := s.get("/").Body.String(); got != "version 2" {
			t.Errorf("after the write: %q", got)
		}
	})
}

// TestHeaderNamesInAnySpelling: a field applies however the handler has spelled it in the
// map.
func TestHeaderNamesInAnySpelling(t *testing.T) {
	for name, value := range map[string]string{"set-cookie": "session=alice", "cache-control": "private", "VARY": "*"} {
		s := newSite(forAnHour(), func(w http.ResponseWriter, r *http.Request) {
			w.Header()[name] = []string{value}
			io.WriteString(w, "page")
		})
		for range 2 {
			if w := s.get("/"); w.Header().Get(name) != value {
				t.Errorf("%s: %q", name, w.Header())
			}
		}
		if n := s.runs.Load(); n != 2 {
			t.Errorf("%s: %d runs, want 2", name, n)
		}
	}
}

// An alteredStore returns entries that were never stored.
type alteredStore struct {
	cache.Store
	alter func(*cache.Entry)
}

func (s *alteredStore) Get(ctx context.Context, key string) (*cache.Entry, error) {
	e, err := s.Store.Get(ctx, key)
	if e != nil && s.alter != nil {
		altered := *e
		s.alter(&altered)
		e = &altered
	}
	return e, err
}

// TestEntryAlteredInTheStore: an entry that this cache cannot have stored is ignored, and
// one of a machine whose clock is ahead is new.
func TestEntryAlteredInTheStore(t *testing.T) {
	tests := []struct {
		name  string
		alter func(*cache.Entry)
		runs  int64
	}{
		{"no status", func(e *cache.Entry) { e.Status = 42 }, 2},
		{"a status that is not stored", func(e *cache.Entry) { e.Status = 206 }, 2},
		{"another key", func(e *cache.Entry) { e.Key += "x" }, 2},
		{"from the future, for ever", func(e *cache.Entry) { e.Created, e.Lifetime.TTL = time.Now().Add(time.Minute), 1<<63-1 }, 1},
		{"from the beginning of time", func(e *cache.Entry) { e.Created = time.Time{} }, 2},
	}
	for _, tt := range tests {
		cfg := forAnHour()
		cfg.Store, cfg.Generations = &alteredStore{cache.NewStore(0), tt.alter}, cache.NewGenerations(0)
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "page") })
		for range 2 {
			func() {
				defer func() {
					if v := recover(); v != nil {
						t.Errorf("%s: %v", tt.name, v)
					}
				}()
				w := httptest.NewRecorder()
				if s.ServeHTTP(w, request("GET", "/")); w.Code != 200 || w.Body.String() != "page" {
					t.Errorf("%s: %d %q", tt.name, w.Code, w.Body)
				}
			}()
		}
		if n := s.runs.Load(); n != tt.runs {
			t.Errorf("%s: %d runs, want %d", tt.name, n, tt.runs)
		}
	}
}

// TestWritesBeyondTheLimit: however many paths are written to while the store does not
// respond, no older response of them is served, and each change is logged once.
func TestWritesBeyondTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := &slow{Store: cache.NewStore(0), Generations: cache.NewGenerations(0)}
		cfg := forAnHour()
		cfg.Store, cfg.Generations = hung, hung
		version := 1
		s := newSite(cfg, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == "POST" && r.URL.Path == "/page" {
				version++
			}
			fmt.Fprint(w, "version ", version)
		})
		s.get("/page")
		hung.takes.Store(int64(time.Hour))
		for i := range 1500 {
			s.do(request("POST", fmt.Sprint("/", i)))
		}
		s.do(request("POST", "/page"))
		hung.takes.Store(0)
		time.Sleep(time.Minute)
		s.shows(t, "/page", "version 2", "apiece; fwd=miss; stored")
		s.shows(t, "/page", "version 2", "apiece; hit; ttl=3600")
		if n := len(s.log.Records()); n != 3 {
			t.Errorf("%d records, want that it is gone, what is lost, and that it is back", n)
		}
		time.Sleep(2 * time.Hour) // until the hanging operations end
	})
}

// TestValidationByETag: a response with an ETag is not revalidated by date, since the
// handler may have changed it within the second.
func TestValidationByETag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute, StaleWhileRevalidate: time.Hour}}, func(w http.ResponseWriter, r *http.Request) {
			n++
			w.Header().Set("Etag", fmt.Sprintf(`"%d"`, n))
			w.Header().Set("Last-Modified", "Sat, 01 Jan 2000 00:00:00 GMT")
			if r.Header.Get("If-Modified-Since") != "" {
				w.WriteHeader(304)
				return
			}
			fmt.Fprint(w, "version ", n)
		})
		s.get("/")
		time.Sleep(2 * time.Minute)
		s.get("/")
		synctest.Wait()
		if w := s.get("/"); w.Body.String() != "version 2" || w.Header().Get("Etag") != `"2"` {
			t.Errorf("%q is %s", w.Body, w.Header().Get("Etag"))
		}
	})
}

// TestWriteIsSeenByLaterRequests: while a page is written to again and again, and read by
// many, flushed and not and in two languages, no client gets a response older than a
// write that was complete when its request was sent.
func TestWriteIsSeenByLaterRequests(t *testing.T) {
	var version, answered, behind atomic.Int64
	s := newSite(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}}, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			version.Add(1)
			return
		}
		seen := version.Load()
		w.Header().Set("Vary", "Accept-Language")
		if r.URL.RawQuery == "flushed" {
			_ = http.NewResponseController(w).Flush()
		}
		fmt.Fprint(w, seen)
	})
	var wg sync.WaitGroup
	over := make(chan struct{})
	for i := range 4 {
		wg.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				least, got := answered.Load(), int64(0)
				w := s.get([]string{"/", "/?flushed"}[i%2], "Accept-Language: "+[]string{"en", "de"}[i/2])
				if _, err := fmt.Sscan(w.Body.String(), &got); err != nil || got < least {
					behind.Add(1)
				}
			}
		})
	}
	for i := range int64(300) {
		s.do(request("POST", "/"))
		answered.Store(i + 1)
		for hits := s.Stats().Hits; i%10 == 0 && s.Stats().Hits == hits; {
			runtime.Gosched() // until a response came from the store
		}
	}
	close(over)
	wg.Wait()
	if n := behind.Load(); n != 0 {
		t.Errorf("%d of %d reads were behind a write", n, s.Stats().Hits+s.Stats().Misses)
	}
}
