package cache

import "sync/atomic"

// Stats are the counts of a cache since it was made, see [Cache.Stats]. Waiting and Bytes
// are current values instead.
type Stats struct {
	Hits        int64 // requests served a fresh stored response
	Stale       int64 // requests served a stale stored response, in place of an error included
	Misses      int64 // requests that found no stored response and ran the handler or waited for a run
	Bypassed    int64 // requests that bypassed the cache
	Fills       int64 // runs of the handler on behalf of all clients, revalidations included
	FillErrors  int64 // fills that panicked, timed out or responded with 500 or above
	Waiting     int64 // requests that wait for another request's run
	Evicted     int64 // entries that NewStore's store has dropped for lack of room; 0 for any other store
	Bytes       int64 // size of NewStore's store, by Entry.Size; 0 for any other store
	Invalidated int64 // calls that invalidated stored responses: InvalidateTag, Revalidate and writes
}

// counters are the parts of Stats that the cache counts itself.
type counters struct {
	hits, stale, misses, bypassed, fills, fillErrors, waiting, invalidated atomic.Int64
}

// Stats returns the counts so far. It is cheap enough for every scrape of a metrics
// collector.
func (c *Cache) Stats() Stats {
	s := Stats{
		Hits: c.count.hits.Load(), Stale: c.count.stale.Load(), Misses: c.count.misses.Load(), Bypassed: c.count.bypassed.Load(),
		Fills: c.count.fills.Load(), FillErrors: c.count.fillErrors.Load(), Waiting: c.count.waiting.Load(), Invalidated: c.count.invalidated.Load(),
	}
	if m, ok := c.backend.store.(*store); ok {
		s.Evicted, s.Bytes = m.evicted.Load(), int64(m.entries.WeightedSize())
	}
	return s
}
