package hub

import "sync/atomic"

// Stats says what a hub is doing and has done. To publish it:
//
//	expvar.Publish("events", expvar.Func(func() any { return hub.Stats() }))
type Stats struct {
	Subscribers int // now, those who wait for the backplane included
	Topics      int // with subscribers or a history, now

	Published    uint64 // events, those of other processes included
	Delivered    uint64 // events times subscribers
	Coalesced    uint64 // events passed over because a later one replaced them
	Gaps         uint64 // gap events sent
	Disconnected uint64 // subscribers who were too slow, by Overflow or WriteTimeout
	Refused      uint64 // subscribers for whom there was no room
}

type stats struct {
	published, delivered, coalesced, gaps, disconnected, refused atomic.Uint64
}

// Stats returns the counters. They are read one after the other, so they need
// not fit each other to the last event.
func (h *Hub) Stats() Stats {
	h.audience.Lock()
	subscribers := h.admitted
	h.audience.Unlock()
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
