package cache_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// lockingStore is a store of two processes that lets one at a time fill an entry.
type lockingStore struct {
	cache.Store
	mu       sync.Mutex
	held     map[string]chan struct{}
	locked   atomic.Int64
	unlocked atomic.Int64
}

func (s *lockingStore) Lock(ctx context.Context, key string) (func(), error) {
	s.mu.Lock()
	if held, ok := s.held[key]; ok {
		s.mu.Unlock()
		<-held
		return nil, nil
	}
	done := make(chan struct{})
	s.held[key] = done
	s.mu.Unlock()
	s.locked.Add(1)
	return func() {
		s.unlocked.Add(1)
		s.mu.Lock()
		delete(s.held, key)
		s.mu.Unlock()
		close(done)
	}, nil
}

// TestLockerSharesOneRun: clients of two processes share one run of the handler, and the
// lock is released even if the handler fails.
func TestLockerSharesOneRun(t *testing.T) {
	for name, status := range map[string]int{"page": http.StatusOK, "failure": http.StatusInternalServerError} {
		t.Run(name, func(t *testing.T) {
			shared := &lockingStore{Store: cache.NewStore(0), held: map[string]chan struct{}{}}
			generations := cache.NewGenerations(0)
			var runs atomic.Int64
			page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				runs.Add(1)
				time.Sleep(20 * time.Millisecond) // until the others are waiting
				w.WriteHeader(status)
				io.WriteString(w, "page")
			})
			var readers sync.WaitGroup
			for range 2 {
				h := cache.New(cache.Config{
					Lifetime: cache.Lifetime{TTL: time.Hour, Public: true},
					Store:    shared, Generations: generations, Locker: shared,
				}).Middleware(page)
				for range 10 {
					readers.Go(func() {
						w := httptest.NewRecorder()
						h.ServeHTTP(w, httptest.NewRequest("GET", "/page", nil))
						if w.Code != status || w.Body.String() != "page" {
							t.Errorf("%d %q", w.Code, w.Body)
						}
					})
				}
			}
			readers.Wait()
			if n := runs.Load(); status == http.StatusOK && n != 1 {
				t.Errorf("%d runs for two processes, want 1", n)
			}
			if shared.locked.Load() == 0 || shared.locked.Load() != shared.unlocked.Load() {
				t.Errorf("locked %d times, unlocked %d times", shared.locked.Load(), shared.unlocked.Load())
			}
		})
	}
}
