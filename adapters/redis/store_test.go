package redis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
)

func TestStoreSuite(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		storeSuite(t, connector(miniredis.RunT(t).Addr()), 100).Run(t)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		suite := storeSuite(t, connector(s.addr), 2000)
		suite.Kill, suite.Pause, suite.Restart = s.killConnections, s.pause, s.restart
		if *long {
			suite.Operations = 40_000
		}
		suite.Run(t)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		storeSuite(t, startCluster(t, 1).connect, 300).Run(t)
	})
}

func storeSuite(t *testing.T, connect connectFunc, operations int) cachetest.Suite {
	admin := connect(t)
	prefix := func(name string) string { return strings.ReplaceAll(name, "/", ":") + ":" }
	return cachetest.Suite{
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
	}
}

// The holder of a lock does not wait for it if the reply was lost.
func TestLockReplyLost(t *testing.T) {
	proxy := testkit.NewProxy(t, start(t).addr)
	s := redis.NewStore(connect(t, proxy.Addr), "cache:", redis.StoreConfig{})
	for i, key := range []string{"first", "second"} {
		proxy.Lose.Store(int64(i)) // the first connects
		unlock, err := s.Lock(t.Context(), key)
		if unlock == nil {
			t.Fatalf("the %s lock is free, and was not given: %v", key, err)
		}
		if proxy.Lose.Load() != 0 {
			t.Fatal("no answer was lost: the test has tested nothing")
		}
		unlock()
		if unlock, err = s.Lock(t.Context(), key); unlock == nil {
			t.Errorf("the %s lock was not released: %v", key, err)
		}
	}
}

// A silent Redis is given up sooner than a held lock.
func TestLockServerSilent(t *testing.T) {
	t.Parallel()
	proxy := testkit.NewProxy(t, start(t).addr)
	one := redis.NewStore(connect(t, proxy.Addr), "cache:", redis.StoreConfig{})
	two := redis.NewStore(connect(t, proxy.Addr), "cache:", redis.StoreConfig{})
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
	proxy.Silent.Store(true)
	begun := time.Now()
	if unlock, err := one.Lock(t.Context(), "another key"); unlock != nil || err == nil {
		t.Errorf("Lock = %t, %v; want an error", unlock != nil, err)
	}
	if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who waits is told %v", err)
	}
	unlock()
	// Only a fault takes that long: the client gives up after 3 seconds, four times.
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("it took %v", took)
	}
}
