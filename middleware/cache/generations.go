package cache

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// How entries lose their validity.
//
// One sequence of numbers runs through everything. Before a handler runs for
// the cache, the run takes the next number; so does every invalidation. An
// entry keeps the number of its run, and an invalidation raises the tags it
// names to its own. An entry is valid while none of its tags was raised above
// its number: while nothing it was made from has changed since its handler
// began.
//
// So an invalidation costs the same however many entries it concerns, needs no
// index from tags to keys, which would have to be kept in step with the
// evictions of the store, and compares no clocks of different machines. A run
// that was under way when its tag was raised has the lower number, and what
// it returns is void on arrival. A revalidation takes its number, runs, stores
// the new entry, and only then raises the path to that number: until then the
// old entry is valid, and all of them are void the moment the new one counts.
//
// A tag that was forgotten must count as raised. The memory of raised tags is
// bounded, and what it drops lifts a floor under all tags.

// Generations is the sequence of numbers and what tags were raised to, the
// second half of a cache beside its [Store]. Several caches, and processes,
// may share one; package cachetest holds the tests that every implementation
// must pass.
//
// An implementation that loses its memory must go on with numbers above all
// that it ever gave out, and report no tag below the first of them: a counter
// that begins at the microseconds since 1970 does. Tags are up to a few hundred
// bytes of any kind. Methods are called from several goroutines at once.
type Generations interface {
	// Next returns a number above all that were returned before, to whomever.
	// The first is 1 or more.
	Next(ctx context.Context) (uint64, error)

	// Raise lifts each of the tags to n, unless it is there or above already.
	// When it has returned, every Latest that begins sees it.
	Raise(ctx context.Context, n uint64, tags ...string) error

	// Latest returns the highest number that any of the tags was raised to, 0
	// if none ever was. It may return a higher number, at the price of running
	// a handler once more, but never a lower one.
	Latest(ctx context.Context, tags ...string) (uint64, error)
}

// defaultTags bounds the memory of NewGenerations to some megabytes.
const defaultTags = 1 << 16

// NewGenerations returns generations in memory that remember the given number
// of tags, at most; 0 is 65,536, negative is no bound. When they forget tags,
// the entries that are older than those invalidations are void, and are made
// anew when somebody asks for them. So is what a store has from before it was
// called.
func NewGenerations(tags int) Generations {
	if tags == 0 {
		tags = defaultTags
	}
	g := &generations{raised: recent[uint64]{max: tags}, floor: uint64(time.Now().UnixMicro())}
	g.last.Store(g.floor)
	return g
}

type generations struct {
	last   atomic.Uint64
	mu     sync.RWMutex
	raised recent[uint64]
	floor  uint64 // no tag that was forgotten, by this process or before it, was raised above it
}

func (g *generations) Next(context.Context) (uint64, error) { return g.last.Add(1), nil }

func (g *generations) Raise(_ context.Context, n uint64, tags ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, tag := range tags {
		if at, ok := g.raised.get(tag); ok && at >= n {
			continue
		}
		for _, forgotten := range g.raised.set(tag, n) {
			g.floor = max(g.floor, forgotten)
		}
	}
	return nil
}

func (g *generations) Latest(_ context.Context, tags ...string) (uint64, error) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	latest := g.floor
	for _, tag := range tags {
		at, _ := g.raised.get(tag)
		latest = max(latest, at)
	}
	return latest, nil
}

// recent is a map that remembers between max/2 and max of the keys that were
// set last. The zero map needs a max; negative is no bound.
type recent[V any] struct {
	max        int
	young, old map[string]V
}

func (m *recent[V]) get(key string) (V, bool) {
	v, ok := m.young[key]
	if !ok {
		v, ok = m.old[key]
	}
	return v, ok
}

// set returns what it forgets. Two maps that take turns need no list of who
// came first.
func (m *recent[V]) set(key string, v V) (forgotten map[string]V) {
	if _, ok := m.young[key]; !ok && m.max >= 0 && len(m.young) >= max(1, m.max/2) {
		forgotten = m.old
		m.old, m.young = m.young, nil
	}
	if m.young == nil {
		m.young = make(map[string]V)
	}
	m.young[key] = v
	return forgotten
}
