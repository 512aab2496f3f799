package hub

import (
	"hash/maphash"
	"math"
	"time"
)

// A topic is its history and its subscribers.
type topic struct {
	name string

	// Under Hub.mu.
	history    history
	generation uint32 // of the log that the history is of
	index      int    // in Hub.order
	listeners  int    // len(subscribers)
	isDirty    bool   // is in Hub.dirty

	// Under Hub.subscribersMu.
	subscribers []topicSubscriber
}

// topic returns the topic with that name, and makes it if necessary. The caller holds mu.
func (h *Hub) topic(name string) *topic {
	t := h.topics[name]
	if t == nil {
		t = &topic{name: name, generation: h.generation, index: len(h.order)}
		t.history.trimmed = *h.forgotten.of(name)
		h.topics[name] = t
		h.order = append(h.order, t)
		h.sweepLater()
	}
	return t
}

// history returns that of the topic, empty if it belongs to a lost log. The caller holds
// mu, and does not change it.
func (h *Hub) history(t *topic) *history {
	if t.generation != h.generation {
		return &h.noHistory
	}
	return &t.history
}

// renew makes the history of the topic belong to the current log. The caller holds mu.
func (h *Hub) renew(t *topic) {
	if t.generation != h.generation {
		t.history, t.generation = history{}, h.generation
	}
}

// expire drops entries that are too old. The caller holds mu.
func (h *Hub) expire(t *topic, now time.Duration) {
	h.renew(t)
	if h.cfg.HistoryAge > 0 {
		t.history.expire(now - h.cfg.HistoryAge)
	}
}

// forget drops a topic without subscribers and history. The caller holds mu.
func (h *Hub) forget(t *topic) {
	h.renew(t)
	if t.listeners > 0 || t.history.len() > 0 {
		return
	}
	known := h.forgotten.of(t.name)
	*known = max(*known, t.history.trimmed)
	delete(h.topics, t.name)
	last := h.order[len(h.order)-1]
	last.index = t.index
	h.order[t.index] = last
	h.order[len(h.order)-1] = nil
	h.order = h.order[:len(h.order)-1]
}

// forgotten is what remains of forgotten topics: no topic whose name hashes to an index
// had an entry after the seq there. What a topic had before is unknown, and shared by
// topics with the same index.
type forgotten struct {
	seed maphash.Seed
	last [1024]uint64
}

func (f *forgotten) of(name string) *uint64 {
	return &f.last[maphash.String(f.seed, name)%uint64(len(f.last))]
}

// sweepLater schedules a sweep unless there is one. The caller holds mu.
func (h *Hub) sweepLater() {
	if h.cfg.HistoryAge > 0 && !h.sweeping {
		h.sweeping = true
		time.AfterFunc(max(h.cfg.HistoryAge/2, time.Millisecond), h.sweep)
	}
}

// sweep drops old entries and topics with nothing left, a few under one lock. It goes
// from the end to the beginning: the place of a forgotten topic is taken by one that was
// looked at.
func (h *Hub) sweep() {
	for i, more := math.MaxInt, true; more; {
		h.mu.Lock()
		now := h.now()
		i = min(i, len(h.order))
		for left := lockBudget / topicCost; i > 0 && left > 0; left-- {
			i--
			h.expire(h.order[i], now)
			h.forget(h.order[i])
		}
		if more = i > 0; !more {
			h.sweeping = false
			if len(h.order) > 0 && !h.closed.Load() {
				h.sweepLater()
			}
		}
		h.mu.Unlock()
	}
}
