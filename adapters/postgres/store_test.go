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

func TestStoreSuite(t *testing.T) {
	s := database(t)
	cachetest.Suite{
		Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
			store := postgres.NewStore(connect(t, s.addr, "pool_max_conns=10"), name, postgres.StoreConfig{})
			return store, store
		},
		Wipe:       func(t testing.TB, name string) { wipe(t, s, name) },
		Operations: 150,
	}.Run(t)
}

// Every statement works in every mode of the driver, and when conflicting transactions
// fail and are retried.
func TestStoreModes(t *testing.T) {
	s := database(t)
	for _, mode := range []string{"cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			pool := connect(t, s.addr, "default_query_exec_mode="+mode, "default_transaction_isolation=serializable")
			testStoreWith(t, postgres.NewStore(pool, t.Name(), postgres.StoreConfig{}))
		})
	}
}

// testStoreWith calls all operations of a store, some concurrently.
func testStoreWith(t *testing.T, s *postgres.Store) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5 {
				if _, err := s.Next(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	n := next(t, s)
	must(s.Raise(t.Context(), n, "a", "b\x00", "a"))
	if latest, err := s.Latest(t.Context(), "c", "b\x00"); latest != n || err != nil {
		t.Errorf("Latest = %d, %v; want %d", latest, err, n)
	}
	must(s.Note(t.Context(), "path", time.Now().Add(time.Hour)))
	if noted, err := s.Noted(t.Context(), "path"); !noted || err != nil {
		t.Errorf("Noted = %t, %v", noted, err)
	}
	must(s.Set(t.Context(), &cache.Entry{Key: "key\x00", Number: n, Body: []byte("\x00\xff"), Created: time.Now()}))
	if e, err := s.Get(t.Context(), "key\x00"); err != nil || e == nil || e.Number != n || string(e.Body) != "\x00\xff" {
		t.Errorf("Get = %+v, %v", e, err)
	}
	unlock, err := s.Lock(t.Context(), "key")
	if unlock == nil || err != nil {
		t.Fatalf("a free lock was refused: %v", err)
	}
	unlock()
	must(s.Sweep(t.Context()))
	if unlock, err = s.Lock(t.Context(), "key"); unlock == nil || err != nil {
		t.Errorf("the lock was not released: %v", err)
	}
}

func wipe(t testing.TB, s *server, name string) {
	for _, table := range []string{"entry", "tag", "note", "lock"} {
		s.exec(t, `delete from apiece_`+table+` where store = $1`, name)
	}
	s.exec(t, `delete from apiece_store where name = $1`, name)
}

// What another version wrote counts as absent, and is replaced.
func TestStoreOtherFormat(t *testing.T) {
	s := database(t)
	store := postgres.NewStore(connect(t, s.addr), t.Name(), postgres.StoreConfig{})
	e := &cache.Entry{Key: "key", Number: next(t, store), Status: 200, Body: []byte("body"), Created: time.Now()}
	for _, other := range []string{"", "\x01\x06key\x02\x00\x00\x90\x03\x00\x08body\x02\x00\x00\x00\x00", "\xff", "text"} {
		if err := store.Set(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if got, err := store.Get(t.Context(), "key"); err != nil || got == nil || string(got.Body) != "body" {
			t.Errorf("%+v, %v is what was stored", got, err)
		}
		if n := s.exec(t, `update apiece_entry set entry = $1 where store = $2`, []byte(other), t.Name()); n != 1 {
			t.Fatalf("%d rows", n)
		}
		if got, err := store.Get(t.Context(), "key"); got != nil || err != nil {
			t.Errorf("%q is read as %+v, %v", other, got, err)
		}
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	s := database(t)
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
	first() // again, when another process has it
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

// The holder of a lock does not wait for it if the reply was lost.
func TestLockReplyLost(t *testing.T) {
	proxy, addr := through(t, database(t).addr)
	s := postgres.NewStore(connect(t, addr), t.Name(), postgres.StoreConfig{})
	if unlock, err := s.Lock(t.Context(), "first"); unlock == nil {
		t.Fatal(err)
	}
	proxy.Lose.Store(1)
	unlock, err := s.Lock(t.Context(), "second")
	if unlock == nil {
		t.Fatalf("the lock is free, and was not given: %v", err)
	}
	if proxy.Lose.Load() != 0 {
		t.Fatal("no answer was lost: the test has tested nothing")
	}
	unlock()
	if unlock, err = s.Lock(t.Context(), "second"); unlock == nil {
		t.Errorf("the lock was not released: %v", err)
	}
}

// A silent PostgreSQL is given up sooner than a held lock.
func TestLockServerSilent(t *testing.T) {
	t.Parallel()
	proxy, addr := through(t, database(t).addr)
	one := postgres.NewStore(connect(t, addr), t.Name(), postgres.StoreConfig{})
	two := postgres.NewStore(connect(t, addr), t.Name(), postgres.StoreConfig{})
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
	if unlock, err := one.Lock(t.Context(), "another key"); unlock != nil || err == nil {
		t.Errorf("Lock = %t, %v; want an error", unlock != nil, err)
	}
	if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who waits is told %v", err)
	}
	unlock()
	proxy.Silent.Store(false)
}

// Caches that share a store run a handler once, unless it takes longer than they wait for
// each other.
func TestStampedeRunsOnce(t *testing.T) {
	const readers = 50
	addr := database(t).addr
	var runs atomic.Int64
	var sites [2]http.Handler
	for i := range sites {
		store := postgres.NewStore(connect(t, addr), t.Name(), postgres.StoreConfig{})
		pages := cache.New(cache.Config{
			Lifetime: cache.Lifetime{TTL: time.Hour}, Store: store, Generations: store, Locker: store,
			StoreTimeout: time.Minute, // a busy machine is not down
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
