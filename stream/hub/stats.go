package hub

import "sync/atomic"

// Stats is what a hub is doing and has done. To publish it:
//
//	expvar.Publish("events", expvar.Func(func() any { return hub.Stats() }))
type Stats struct {
	Subscribers int // current, including those that wait for the backplane
	Topics      int // current, with subscribers or a history

	Published    uint64 // events, including those of other processes
	Delivered    uint64 // events times subscribers
	Coalesced    uint64 // events skipped because a later one replaced them
	Gaps         uint64 // gap events sent
	Disconnected uint64 // subscribers that were too slow, by Overflow or WriteTimeout
	Refused      uint64 // subscribers refused for lack of room
}

type stats struct {
	published, delivered, coalesced, gaps, disconnected, refused atomic.Uint64
}

// Stats returns the counters. They are read one after the other, so they may differ by
// the events in between.
func (h *Hub) Stats() Stats {
	h.subscribersMu.Lock()
	subscribers := h.admitted
	h.subscribersMu.Unlock()
	h.mu.RLock()
	topics := len(h.topics)
	h.mu.RUnlock()
	return Stats{
		Subscribers:  subscribers,
		Topics:       topics,
		Published:    h.stats.published.Load(),
		Delivered:    h.stats.delivered.Load(),
		Coalesced:    h.stats.coalesced.Load(),
		Gaps:         h.stats.gaps.Load(),
		Disconnected: h.stats.disconnected.Load(),
		Refused:      h.stats.refused.Load(),
	}
}
