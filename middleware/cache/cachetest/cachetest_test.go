package cachetest_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// naive is a cache with the usual mistakes.
func naive() func(http.Handler) http.Handler {
	var mu sync.Mutex
	stored := make(map[string]*httptest.ResponseRecorder)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			rec := stored[r.URL.String()]
			if rec == nil {
				rec = httptest.NewRecorder()
				next.ServeHTTP(rec, r)
				stored[r.URL.String()] = rec
			}
			for name, values := range rec.Header() {
				w.Header()[name] = values
			}
			w.WriteHeader(rec.Code)
			w.Write(rec.Body.Bytes())
		})
	}
}

// TestLeaksAreFound: each check fails for some cache.
func TestLeaksAreFound(t *testing.T) {
	failures := cachetest.Failures(t, naive)
	want := []string{
		"authorization", "cookie", "set-cookie", "vary", "no-store", "private", "no-cache", "max-age=0", "part", "not modified",
		"leader leaves", "flush", "delete", "post", "host", "server error", "conditional hit",
	}
	if !slices.Equal(failures, want) {
		t.Errorf("found\n%q, want\n%q", failures, want)
	}
	off := func() func(http.Handler) http.Handler { return func(next http.Handler) http.Handler { return next } }
	if failures := cachetest.Failures(t, off); !slices.Equal(failures, []string{"concurrent misses", "conditional hit"}) {
		t.Errorf("without a cache: %q", failures)
	}
}

// forgetful are generations that lose some raises.
type forgetful struct {
	cache.Generations
	forgets func(tags []string) bool
}

func (f forgetful) Raise(ctx context.Context, n uint64, tags ...string) error {
	if f.forgets(tags) {
		return nil
	}
	return f.Generations.Raise(ctx, n, tags...)
}

// TestModelFindsFaults: each of these caches serves invalidated responses.
func TestModelFindsFaults(t *testing.T) {
	prefix := func(p string) func([]string) bool {
		return func(tags []string) bool { return strings.HasPrefix(tags[0], p) }
	}
	for name, broken := range map[string]func(cache.Generations) cache.Generations{
		"tags are forgotten":  func(g cache.Generations) cache.Generations { return forgetful{g, prefix("tag:")} },
		"paths are forgotten": func(g cache.Generations) cache.Generations { return forgetful{g, prefix("path:")} },
	} {
		t.Run(name, func(t *testing.T) {
			err := cachetest.Model(t, 20000, func() (cache.Store, cache.Generations) {
				return cache.NewStore(0), broken(cache.NewGenerations(0))
			})
			if err == nil {
				t.Error("the model run has not noticed")
			}
			t.Log(err)
		})
	}
}

// TestModelWithSmallMemory: forgotten tags cost runs of the handler, and nothing else.
func TestModelWithSmallMemory(t *testing.T) {
	if err := cachetest.Model(t, 20000, func() (cache.Store, cache.Generations) {
		return cache.NewStore(2000), cache.NewGenerations(4)
	}); err != nil {
		t.Error(err)
	}
}

func Example() {
	// In a test this is cachetest.Leaks(t, newCache).
	newCache := func() func(http.Handler) http.Handler {
		return cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}}).Middleware
	}
	var b bytes.Buffer
	h := newCache()(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "for ", r.Header.Get("Authorization"))
	}))
	for _, user := range []string{"alice", "bob"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Authorization", user)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		fmt.Fprintln(&b, w.Body)
	}
	fmt.Print(b.String())
	// Output:
	// for alice
	// for bob
}
