package cache

import (
	"context"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// How entries are invalidated.
//
// There is one sequence of numbers. Before a handler runs for the cache, the run takes
// the next number; so does every invalidation. An entry keeps the number of its run, and
// an invalidation raises the tags it names to its own number. An entry is valid while
// none of its tags was raised above its number: while nothing it was made from has
// changed since its handler began.
//
// So an invalidation costs the same for any number of entries, needs no index from tags
// to keys, which would have to follow the evictions of the store, and compares no clocks
// of different machines. A run that was under way when its tag was raised has the lower
// number, and its response is invalid on arrival. A revalidation takes its number, runs,
// stores the new entry, and only then raises the path to that number: until then the old
// entry is valid, and all of them become invalid the moment the new one counts.
//
// A forgotten tag must count as raised. The memory for raised tags is bounded, and
// dropping one raises a floor under all tags.

// Generations is the sequence of numbers and what tags were raised to, the second half of
// a cache beside its [Store]. Several caches, and processes, may share one; package
// cachetest holds the tests that every implementation must pass.
//
// An implementation that loses its memory must go on with numbers above all that it ever
// returned, and report no tag below the first of them: a counter that begins at the
// microseconds since 1970 does. Tags are up to a few hundred bytes of any kind. Methods
// are called from several goroutines at once.
type Generations interface {
	// Next returns a number above all that any caller got before. The first is 1 or more.
	Next(ctx context.Context) (uint64, error)

	// Raise raises each of the tags to n, unless it is that high already. Every Latest
	// that begins after it has returned sees it.
	Raise(ctx context.Context, n uint64, tags ...string) error

	// Latest returns the highest number that any of the tags was raised to, 0 if none
	// ever was. It may return a higher number, at the cost of another run of a handler,
	// but never a lower one.
	Latest(ctx context.Context, tags ...string) (uint64, error)

	// Note remembers that responses with the tag may be stored until then. It is
	// called before each of them is.
	Note(ctx context.Context, tag string, until time.Time) error

	// Noted reports whether a response with the tag may be stored. It is false only if
	// none is for certain: tags forgotten for lack of room count as noted. A write to a
	// path without a stored response raises nothing, so that clients that write to
	// made-up paths fill no memory.
	Noted(ctx context.Context, tag string) (bool, error)
}

// defaultMaxTags limits the memory of NewGenerations to a few megabytes.
const defaultMaxTags = 1 << 16

// NewGenerations returns generations in memory that remember at most maxTags tags; 0 is
// 65,536, negative is no limit. When they forget tags, entries older than those
// invalidations become invalid, and are made again on request. So do entries that a store
// has from before the call. Tags are remembered by a 64-bit hash: two with the same hash
// are invalidated together.
func NewGenerations(maxTags int) Generations {
	if maxTags == 0 {
		maxTags = defaultMaxTags
	}
	now := time.Now()
	g := &generations{seed: maphash.MakeSeed(), born: now, raised: recent[uint64, uint64]{max: maxTags}, floor: uint64(now.UnixMicro())}
	g.last.Store(g.floor)
	return g
}

type generations struct {
	seed   maphash.Seed
	born   time.Time // the times of noted begin here: what is still fresh is noted, however clocks are set
	last   atomic.Uint64
	noted  timeFilter
	mu     sync.RWMutex
	raised recent[uint64, uint64]
	floor  uint64 // no forgotten tag, of this process or before it, was raised above it
}

func (g *generations) hash(tag string) uint64 { return maphash.String(g.seed, tag) }

func (g *generations) Next(context.Context) (uint64, error) { return g.last.Add(1), nil }

func (g *generations) Raise(_ context.Context, n uint64, tags ...string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, tag := range tags {
		tag := g.hash(tag)
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
	if len(g.raised.young) == 0 && len(g.raised.old) == 0 {
		return latest, nil
	}
	for _, tag := range tags {
		at, _ := g.raised.get(g.hash(tag))
		latest = max(latest, at)
	}
	return latest, nil
}

func (g *generations) Note(_ context.Context, tag string, until time.Time) error {
	g.noted.add(g.hash(tag), until.Sub(g.born))
	return nil
}

func (g *generations) Noted(_ context.Context, tag string) (bool, error) {
	return g.noted.has(g.hash(tag), time.Since(g.born)), nil
}

// A timeFilter is a Bloom filter with times in its places: it contains what was added
// until the given time, and other tags by accident only. It takes 1 MB from the first
// addition on, however many follow.
type timeFilter struct {
	places atomic.Pointer[[filterSize]atomic.Uint32] // in seconds, rounded up
}

const (
	filterSize = 1 << 18 // with 10,000 paths, one in 2,000 others is a false positive
	filterUses = 4       // places for each
)

func (f *timeFilter) add(hash uint64, until time.Duration) {
	places := f.places.Load()
	if places == nil {
		f.places.CompareAndSwap(nil, new([filterSize]atomic.Uint32))
		places = f.places.Load()
	}
	at := uint32(min(max(until/time.Second+2, 0), math.MaxUint32)) // a second of margin
	for i := range uint64(filterUses) {
		place := &places[(hash+i*(hash>>32|1))%filterSize]
		for old := place.Load(); old < at && !place.CompareAndSwap(old, at); old = place.Load() {
		}
	}
}

func (f *timeFilter) has(hash uint64, now time.Duration) bool {
	places := f.places.Load()
	if places == nil {
		return false
	}
	for i := range uint64(filterUses) {
		if time.Duration(places[(hash+i*(hash>>32|1))%filterSize].Load()) <= now/time.Second {
			return false
		}
	}
	return true
}

// recent is a map that remembers between max/2 and max of the keys that were set last.
// The zero map needs a max; negative is no limit.
type recent[K comparable, V any] struct {
	max        int
	young, old map[K]V
}

func (m *recent[K, V]) get(key K) (V, bool) {
	v, ok := m.young[key]
	if !ok {
		v, ok = m.old[key]
	}
	return v, ok
}

// set sets the key and returns what it forgets. Two alternating maps need no list in
// order of insertion.
func (m *recent[K, V]) set(key K, v V) (forgotten map[K]V) {
	if _, ok := m.young[key]; !ok && m.max >= 0 && len(m.young) >= max(1, m.max/2) {
		forgotten = m.old
		m.old, m.young = m.young, nil
	}
	if m.young == nil {
		m.young = make(map[K]V)
	}
	m.young[key] = v
	return forgotten
}
