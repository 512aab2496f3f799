package cache_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// trouble is a store that can be made to fail: it returns an error after a while, and
// may ignore the context meanwhile.
type trouble struct {
	cache.Store
	cache.Generations
	takes  atomic.Int64 // a Duration, 0 is to work
	heeds  bool         // whether it honors the context
	passed atomic.Int64 // operations
}

var errTrouble = errors.New("no answer from the store")

func newTrouble(heeds bool) *trouble {
	return &trouble{Store: cache.NewStore(0), Generations: cache.NewGenerations(0), heeds: heeds}
}

func (s *trouble) fail(ctx context.Context) error {
	d := time.Duration(s.takes.Load())
	if d == 0 {
		return nil
	}
	s.passed.Add(1)
	if !s.heeds {
		ctx = context.Background()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return errTrouble
	}
}

func (s *trouble) Get(ctx context.Context, key string) (*cache.Entry, error) {
	if err := s.fail(ctx); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, key)
}

func (s *trouble) Set(ctx context.Context, e *cache.Entry) error {
	if err := s.fail(ctx); err != nil {
		return err
	}
	return s.Store.Set(ctx, e)
}

func (s *trouble) Next(ctx context.Context) (uint64, error) {
	if err := s.fail(ctx); err != nil {
		return 0, err
	}
	return s.Generations.Next(ctx)
}

func (s *trouble) Raise(ctx context.Context, n uint64, tags ...string) error {
	if err := s.fail(ctx); err != nil {
		return err
	}
	return s.Generations.Raise(ctx, n, tags...)
}

func (s *trouble) Latest(ctx context.Context, tags ...string) (uint64, error) {
	if err := s.fail(ctx); err != nil {
		return 0, err
	}
	return s.Generations.Latest(ctx, tags...)
}

func (s *trouble) Note(ctx context.Context, tag string, until time.Time) error {
	if err := s.fail(ctx); err != nil {
		return err
	}
	return s.Generations.Note(ctx, tag, until)
}

func (s *trouble) Noted(ctx context.Context, tag string) (bool, error) {
	if err := s.fail(ctx); err != nil {
		return false, err
	}
	return s.Generations.Noted(ctx, tag)
}

// TestStoreInTrouble: a store that hangs, with and without honoring contexts, and one
// that is down. Hits, misses and writes stay within the deadline of a store; then the
// cache skips the store for a while, readers of one page wait for one run, and the
// log says that the store failed and recovered.
func TestStoreInTrouble(t *testing.T) {
	const readers = 50
	const deadline = 250 * time.Millisecond // the default of StoreTimeout
	for _, test := range []struct {
		name  string
		takes time.Duration
		heeds bool
		bound time.Duration
	}{
		{"hangs", 10 * time.Second, true, deadline},
		{"hangs and is deaf", 10 * time.Second, false, deadline},
		{"is dead", time.Nanosecond, true, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := newTrouble(test.heeds)
				s := newSite(t, cache.Config{Store: store, Generations: store, Lifetime: cache.Lifetime{TTL: time.Hour}})
				s.visit(1, "GET", "/hit")
				store.takes.Store(int64(test.takes))
				visits := []struct {
					what, method, path string
					visit              visit
				}{
					{"hits", "GET", "/hit", visit{}}, {"misses", "GET", "/miss", visit{}}, {"writes", "POST", "/hit", visit{}},
					{"hits later", "GET", "/hit", visit{}}, {"misses later", "GET", "/miss", visit{}}, {"writes later", "POST", "/hit", visit{}},
				}
				for i := range visits {
					v := &visits[i]
					v.visit = s.visit(readers, v.method, v.path)
					t.Logf("store %s: %-12s %v", test.name, v.what, v.visit)
					bound := test.bound + work + time.Millisecond
					if v.visit.slowest > bound || v.visit.without != 0 {
						t.Errorf("the slowest of %s waits for %v, want %v at most", v.what, v.visit.slowest, bound)
					}
					if v.method == "GET" && v.visit.runs > 1 {
						t.Errorf("%s are not collapsed: %d runs for %d readers", v.what, v.visit.runs, readers)
					}
				}
				time.Sleep(time.Minute)
				operations := store.passed.Load()
				s.visit(readers, "GET", "/hit")
				t.Logf("store %s: %d operations and %d records, a minute later %d operations", test.name, operations, s.log.Len(), store.passed.Load()-operations)
				if n := s.log.Len(); n != 1 {
					t.Errorf("%d records of one change of state", n)
				}
				store.takes.Store(0)
				time.Sleep(2 * time.Minute)
				s.visit(1, "GET", "/back")
				s.visit(1, "POST", "/hit") // each operation has to work again
				if v := s.visit(readers, "GET", "/back"); v.runs > 1 || v.without != 0 {
					t.Errorf("when the store is back: %v", v)
				}
				if v := s.visit(readers, "GET", "/back"); v.runs != 0 || v.without != 0 || v.slowest != 0 {
					t.Errorf("when the store is back and has the page: %v", v)
				}
				if n := s.log.Len(); n != 2 {
					t.Errorf("%d records of two changes of state: %v", n, s.log.Records())
				}
			})
		})
	}
}
