package cachetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// wait is how long a fault may keep a store from responding.
const wait = 30 * time.Second

// killed: connections break while caches use the store.
func (s Suite) killed(t testing.TB) {
	const kills = 20
	killed := 0
	s.disturbed(t, kills, func() { killed += s.Kill(t, t.Name()) })
	if killed < kills/2 {
		t.Errorf("%d connections killed: the run has tested nothing", killed)
	}
	t.Logf("%d connections killed", killed)
}

// restarted: the server crashes and comes back.
func (s Suite) restarted(t testing.TB) {
	s.disturbed(t, 1, func() { s.Restart(t, t.Name()) })
}

// disturbed runs a model of three caches and disturbs it the given number of times, while
// other goroutines take numbers. Each may get an error. Without an error the usual rules
// hold.
func (s Suite) disturbed(t testing.TB, times int, disturb func()) {
	// An hour, so that a lost invalidation shows: the entry would be served until it
	// expires.
	w := newWorld(t, 3, cache.Lifetime{TTL: time.Hour}, func() (cache.Store, cache.Generations) { return s.Open(t, t.Name()) })
	w.disturbed = true
	taking, numbers := s.takeNumbers(t)
	operations := max(s.operations()/4, 500)
	w.left.Store(int64(operations))
	var run sync.WaitGroup
	run.Go(func() {
		if err := w.run(operations); err != nil {
			t.Error(err)
		}
	})
	for i := range times {
		// Count operations, not time: a slow machine would do nothing in between.
		for done := int64(operations * (i + 1) / (times + 1)); int64(operations)-w.left.Load() < done && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
		disturb()
	}
	run.Wait()
	if err := w.run(operations / 2); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	taking()
	store, gens := s.Open(t, t.Name())
	after := uint64(0)
	eventually(t, "the generations respond", func() (err error) { after, err = gens.Next(t.Context()); return err })
	eventually(t, "the store responds", func() error { return store.Set(t.Context(), sample("after", after)) })
	if e := get(t, store, "after"); e == nil {
		t.Error("what was stored afterwards is not there")
	}
	seen := make(map[uint64]bool)
	for _, taken := range numbers {
		last := uint64(0)
		for _, n := range *taken {
			if n <= last || n >= after || seen[n] {
				t.Errorf("number %d after %d and before %d; given out before: %t", n, last, after, seen[n])
			}
			last, seen[n] = n, true
		}
	}
	t.Logf("%d operations: %v; %d numbers", operations*3/2, w, len(seen))
	if len(seen) == 0 || w.hits.Load() == 0 || w.invalidated.Load() == 0 {
		t.Error("nothing has worked: the run has tested nothing")
	}
}

// takeNumbers has four connections take one number after another until stop is called.
// Each has its own list.
func (s Suite) takeNumbers(t testing.TB) (stop func(), numbers [4]*[]uint64) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	for i := range numbers {
		_, gens := s.Open(t, t.Name())
		taken := new([]uint64)
		numbers[i] = taken
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
				ctx, cancel := context.WithTimeout(context.Background(), wait)
				if n, err := gens.Next(ctx); err == nil {
					*taken = append(*taken, n)
				}
				cancel()
			}
		})
	}
	stop = sync.OnceFunc(func() { close(done); wg.Wait() })
	t.Cleanup(stop)
	return stop, numbers
}

// paused: the server is there, and does not respond.
func (s Suite) paused(t testing.TB) {
	store, gens := s.Open(t, t.Name())
	before, raised := next(t, gens), next(t, gens)
	set(t, store, sample("before", before))
	raise(t, gens, raised, "tag:before")
	resume := s.Pause(t, t.Name())
	t.Cleanup(resume)
	operations := map[string]func(context.Context) error{
		"Get":    func(ctx context.Context) error { _, err := store.Get(ctx, "before"); return err },
		"Set":    func(ctx context.Context) error { return store.Set(ctx, sample("meanwhile", raised)) },
		"Next":   func(ctx context.Context) error { _, err := gens.Next(ctx); return err },
		"Raise":  func(ctx context.Context) error { return gens.Raise(ctx, raised, "tag:meanwhile") },
		"Latest": func(ctx context.Context) error { _, err := gens.Latest(ctx, "tag:before"); return err },
		"Note":   func(ctx context.Context) error { return gens.Note(ctx, "path:a", time.Now().Add(time.Hour)) },
		"Noted":  func(ctx context.Context) error { _, err := gens.Noted(ctx, "path:a"); return err },
	}
	if locker, ok := store.(cache.Locker); ok {
		operations["Lock"] = func(ctx context.Context) error {
			unlock, err := locker.Lock(ctx, "before")
			if unlock != nil {
				unlock()
			}
			return err
		}
	}
	// However long an operation takes to see that its context is done, it is less than
	// the pause, which does not end before the operation has.
	for name, do := range operations {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		ended := make(chan error, 1)
		go func() { ended <- do(ctx) }()
		select {
		case err := <-ended:
			if err == nil {
				t.Errorf("%s succeeds on a server that is paused", name)
			}
		case <-time.After(wait):
			t.Errorf("%s of a paused server does not end with its context", name)
		}
		cancel()
	}
	resume()
	eventually(t, "the store responds", func() error { _, err := store.Get(t.Context(), "before"); return err })
	if e := get(t, store, "before"); e == nil || e.Number != before {
		t.Errorf("what was stored before the pause is %+v", e)
	}
	if n := latest(t, gens, "tag:before"); n < raised {
		t.Errorf("the tag that was raised to %d before the pause is at %d", raised, n)
	}
	if n := next(t, gens); n <= raised {
		t.Errorf("number %d after %d", n, raised)
	}
}

// eventually waits until an operation succeeds.
func eventually(t testing.TB, what string, do func() error) {
	t.Helper()
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		err := do()
		if err == nil {
			return
		}
		if time.Since(begun) > wait {
			t.Fatalf("waited in vain until %s: %v", what, err)
		}
	}
}
