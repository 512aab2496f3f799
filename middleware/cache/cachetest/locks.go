package cachetest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// locker returns the store of a connection of its own as a cache.Locker.
func (s Suite) locker(t *testing.T) cache.Locker {
	store, _ := s.Open(t, t.Name())
	l, ok := store.(cache.Locker)
	if !ok {
		t.Skip("the store is no cache.Locker")
	}
	return l
}

// lock: one process has it, others wait.
func (s Suite) lock(t *testing.T) {
	one, two := s.locker(t), s.locker(t)
	lock := func(l cache.Locker, key string) func() {
		t.Helper()
		unlock, err := l.Lock(t.Context(), key)
		if err != nil {
			t.Errorf("Lock: %v", err)
		}
		return unlock
	}
	other := lock(two, "another key")
	if other == nil {
		t.Fatal("a free lock was refused")
	}
	defer other()

	var first func()
	for patience := 50 * time.Millisecond; ; patience *= 4 {
		if first = lock(one, "key"); first == nil {
			t.Fatal("a free lock was refused")
		}
		waited := make(chan func())
		go func() { waited <- lock(two, "key") }()
		select {
		case <-waited:
			t.Fatal("the second did not wait")
		case <-time.After(patience):
		}
		first()
		second := <-waited
		if second == nil {
			break
		}
		second() // perhaps it asked late, when the lock was free again
		if patience > wait {
			t.Fatal("the second has the lock: it should look first")
		}
	}
	again := lock(two, "key")
	if again == nil {
		t.Fatal("a lock that was released was refused")
	}
	first() // again, when another process has it
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if unlock, err := one.Lock(ctx, "key"); unlock != nil || err == nil {
		t.Errorf("Lock = %t, %v; want the error of the context: the lock is another's", unlock != nil, err)
	}
	again()
}

// stampede: caches that share a store run a handler once for all readers.
func (s Suite) stampede(t *testing.T) {
	const readers = 50
	var runs atomic.Int64
	var sites [2]http.Handler
	for i := range sites {
		locker := s.locker(t)
		store, gens := s.Open(t, t.Name())
		sites[i] = cache.New(cache.Config{
			Lifetime: cache.Lifetime{TTL: time.Hour}, Store: store, Generations: gens, Locker: locker,
			StoreTimeout: wait, // a busy machine is not down
		}).Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(100 * time.Millisecond)
			fmt.Fprint(w, "run ", runs.Add(1))
		}))
	}
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() {
			w := httptest.NewRecorder()
			sites[i%2].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
			if !strings.HasPrefix(w.Body.String(), "run ") {
				t.Errorf("a reader got %d %q", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if n := runs.Load(); n != 1 {
		t.Errorf("%d runs for %d readers of %d processes", n, readers, len(sites))
	}
}
