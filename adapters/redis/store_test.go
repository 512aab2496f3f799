package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
)

func TestStore(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) { testStore(t, connector(miniredis.RunT(t).Addr()), 300) })
	t.Run("redis", func(t *testing.T) { testStore(t, connector(start(t).addr), 2000) })
	t.Run("cluster", func(t *testing.T) { testStore(t, startCluster(t), 500) })
}

func testStore(t *testing.T, connect connectFunc, operations int) {
	admin := connect(t)
	prefix := func(name string) string { return strings.ReplaceAll(name, "/", ":") + ":" }
	cachetest.Suite{
		Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
			s := redis.NewStore(connect(t), prefix(name), redis.StoreConfig{})
			return s, s
		},
		Wipe: func(t testing.TB, name string) {
			if err := admin.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
		Operations: operations,
	}.Run(t)
}

func TestLock(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) { testLock(t, miniredis.RunT(t).Addr()) })
	t.Run("redis", func(t *testing.T) { testLock(t, start(t).addr) })
}

func testLock(t *testing.T, addr string) {
	one := redis.NewStore(connect(t, addr), "cache:", redis.StoreConfig{})
	two := redis.NewStore(connect(t, addr), "cache:", redis.StoreConfig{})
	lock := func(s *redis.Store, key string) func() {
		t.Helper()
		unlock, err := s.Lock(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}
	first, other := lock(one, "key"), lock(two, "another key")
	if first == nil || other == nil {
		t.Fatal("a free lock was refused")
	}
	defer other()

	waited := make(chan bool)
	go func() { waited <- lock(two, "key") == nil }()
	select {
	case <-waited:
		t.Error("the second did not wait")
	case <-time.After(50 * time.Millisecond):
	}
	first()
	if !<-waited {
		t.Error("the second has the lock: it should look first")
	}
	again := lock(two, "key")
	if again == nil {
		t.Fatal("a lock that was released was refused")
	}
	first() // once more, when it is another's
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if unlock, err := one.Lock(ctx, "key"); unlock != nil || err == nil {
		t.Errorf("Lock = %t, %v; want the error of the context: the lock is another's", unlock != nil, err)
	}
	again()
}

// A lock whose answer was lost is not waited for by the one who has it.
func TestLockOnce(t *testing.T) {
	proxy := newProxy(t, start(t).addr)
	s := redis.NewStore(connect(t, proxy.addr), "cache:", redis.StoreConfig{})
	for i, key := range []string{"first", "second"} {
		proxy.lose.Store(int64(i)) // the first makes the connection
		unlock, err := s.Lock(t.Context(), key)
		if unlock == nil {
			t.Fatalf("the %s lock is free, and was not given: %v", key, err)
		}
		if proxy.lose.Load() != 0 {
			t.Fatal("no answer was lost: the test has tested nothing")
		}
		unlock()
		if unlock, err = s.Lock(t.Context(), key); unlock == nil {
			t.Errorf("the %s lock was not released: %v", key, err)
		}
	}
}

// A Redis that goes silent is not waited for as a lock is.
func TestLockSilence(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, start(t).addr)
	one := redis.NewStore(connect(t, proxy.addr), "cache:", redis.StoreConfig{})
	two := redis.NewStore(connect(t, proxy.addr), "cache:", redis.StoreConfig{})
	unlock, err := one.Lock(t.Context(), "key")
	if unlock == nil {
		t.Fatal(err)
	}
	waited := make(chan error)
	go func() {
		unlock, err := two.Lock(t.Context(), "key")
		if unlock != nil {
			err = errors.New("the lock is another's")
		}
		waited <- err
	}()
	proxy.silent.Store(true)
	begun := time.Now()
	if unlock, err := one.Lock(t.Context(), "another key"); unlock != nil || err == nil {
		t.Errorf("Lock = %t, %v; want an error", unlock != nil, err)
	}
	if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who waits is told %v", err)
	}
	unlock()
	// What only a fault reaches: the client gives up after 3 seconds, four times.
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}

// Caches that share a store run a handler once, unless it takes longer than
// they wait for each other.
func TestStampede(t *testing.T) {
	const readers = 50
	addr := start(t).addr
	var runs atomic.Int64
	var sites [2]http.Handler
	for i := range sites {
		store := redis.NewStore(connect(t, addr), "cache:", redis.StoreConfig{})
		pages := cache.New(cache.Config{Policy: cache.Policy{TTL: time.Hour}, Store: store, Generations: store, Locker: store})
		sites[i] = pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(100 * time.Millisecond)
			fmt.Fprint(w, "run ", runs.Add(1))
		}))
	}
	var wg sync.WaitGroup
	for i := range readers {
		wg.Go(func() {
			w := httptest.NewRecorder()
			sites[i%2].ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
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
