package cache

import "sync/atomic"

// Stats is what a cache has done since it was made, see [Cache.Stats]. Its fields
// are counts but for Waiting and Bytes, which are of the moment.
type Stats struct {
	Hits        int64 // requests answered from the store, while the response was fresh
	Stale       int64 // requests answered from the store after that, in place of an error included
	Misses      int64 // requests that ran the handler, or waited for one that ran, for want of a stored response
	Bypassed    int64 // requests that went past the cache
	Fills       int64 // runs of the handler on behalf of all, renewals and revalidations included
	FillErrors  int64 // those that panicked, timed out or answered 500 or above
	Waiting     int64 // requests that wait for another's run
	Evicted     int64 // entries that NewStore's store has dropped for want of room; 0 of any other
	Bytes       int64 // what NewStore's store holds, by Entry.Size; 0 of any other
	Invalidated int64 // calls that have made stored responses invalid: of InvalidateTag, Revalidate and writes
}

// counters are the parts of Stats that the cache counts itself.
type counters struct {
	hits, stale, misses, bypassed, fills, fillErrors, waiting, invalidated atomic.Int64
}

// Stats returns what the cache has done so far. It is cheap, and can be asked for
// by every scrape of a metrics collector.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits: c.count.hits.Load(), Stale: c.count.stale.Load(), Misses: c.count.misses.Load(), Bypassed: c.count.bypassed.Load(),
		Fills: c.count.fills.Load(), FillErrors: c.count.fillErrors.Load(), Waiting: c.count.waiting.Load(), Invalidated: c.count.invalidated.Load(),
	}
	if m, ok := c.back.store.(*store); ok {
		s.Evicted, s.Bytes = m.evicted.Load(), int64(m.entries.WeightedSize())
	}
	return s
}
