package postgres_test

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

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
)

func TestStore(t *testing.T) {
	t.Run("prepared", func(t *testing.T) { testStore(t, 500, "pool_max_conns=10") })
	// Transactions that meet fail then, and are tried again.
	t.Run("simple, serializable", func(t *testing.T) {
		testStore(t, 100, "pool_max_conns=10", "default_transaction_isolation=serializable", "default_query_exec_mode=simple_protocol")
	})
}

func testStore(t *testing.T, operations int, options ...string) {
	s := shared(t)
	cachetest.Suite{
		Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
			store := postgres.NewStore(connect(t, s.addr, options...), name, postgres.StoreConfig{})
			return store, store
		},
		Wipe:       func(t testing.TB, name string) { wipe(t, s, name) },
		Operations: operations,
	}.Run(t)
}

func wipe(t testing.TB, s *server, name string) {
	for _, table := range []string{"entry", "tag", "note", "lock"} {
		s.exec(t, `delete from apiece_`+table+` where store = $1`, name)
	}
	s.exec(t, `delete from apiece_store where name = $1`, name)
}

func TestLock(t *testing.T) {
	t.Parallel()
	s := shared(t)
	asked := make(tracer, 1000)
	one := postgres.NewStore(connect(t, s.addr), t.Name(), postgres.StoreConfig{})
	two := postgres.NewStore(traced(t, s.addr, asked), t.Name(), postgres.StoreConfig{})
	lock := func(s *postgres.Store, key string) func() {
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
	for len(asked) > 0 {
		<-asked
	}

	waited := make(chan bool)
	go func() { waited <- lock(two, "key") == nil }()
	testkit.Soon(t, asked, "the second asks for the lock")
	testkit.Soon(t, asked, "and whether it is held")
	select {
	case <-waited:
		t.Error("the second did not wait")
	default:
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

	// The lease of a process that has ended.
	if lock(one, "key") == nil {
		t.Fatal("a lock that was released was refused")
	}
	s.exec(t, `update apiece_lock set until = now() - interval '1 ms' where store = $1`, t.Name())
	if lock(two, "key") == nil {
		t.Error("a lock whose lease has ended was refused")
	}
}

// A lock whose answer was lost is not waited for by the one who has it.
func TestLockOnce(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, shared(t).addr)
	s := postgres.NewStore(connect(t, proxy.addr), t.Name(), postgres.StoreConfig{})
	if unlock, err := s.Lock(t.Context(), "first"); unlock == nil {
		t.Fatal(err)
	}
	proxy.lose.Store(1)
	unlock, err := s.Lock(t.Context(), "second")
	if unlock == nil {
		t.Fatalf("the lock is free, and was not given: %v", err)
	}
	if proxy.lose.Load() != 0 {
		t.Fatal("no answer was lost: the test has tested nothing")
	}
	unlock()
	if unlock, err = s.Lock(t.Context(), "second"); unlock == nil {
		t.Errorf("the lock was not released: %v", err)
	}
}

// A PostgreSQL that goes silent is not waited for as a lock is.
func TestLockSilence(t *testing.T) {
	t.Parallel()
	proxy := newProxy(t, shared(t).addr)
	one := postgres.NewStore(connect(t, proxy.addr), t.Name(), postgres.StoreConfig{})
	two := postgres.NewStore(connect(t, proxy.addr), t.Name(), postgres.StoreConfig{})
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
	if unlock, err := one.Lock(t.Context(), "another key"); unlock != nil || err == nil {
		t.Errorf("Lock = %t, %v; want an error", unlock != nil, err)
	}
	if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who waits is told %v", err)
	}
	unlock()
	proxy.silent.Store(false)
}

// Caches that share a store run a handler once, unless it takes longer than
// they wait for each other.
func TestStampede(t *testing.T) {
	const readers = 50
	addr := shared(t).addr
	var runs atomic.Int64
	var sites [2]http.Handler
	for i := range sites {
		store := postgres.NewStore(connect(t, addr), t.Name(), postgres.StoreConfig{})
		pages := cache.New(cache.Config{
			Policy: cache.Policy{TTL: time.Hour}, Store: store, Generations: store, Locker: store,
			StoreTimeout: time.Minute, // a machine that is busy is not down
		})
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
