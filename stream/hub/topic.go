package hub

import "time"

// A topic is its history and those who listen to it.
type topic struct {
	name string

	// Under Hub.mu.
	ring      ring
	listeners int  // len(members)
	isFresh   bool // is in Hub.fresh

	// Under Hub.audience.
	members []member
}

// topic returns the topic with that name, making it if need be. What a topic
// of that name had before it was forgotten is unknown. The caller holds mu.
func (h *Hub) topic(name string) *topic {
	t := h.topics[name]
	if t == nil {
		t = &topic{name: name, ring: ring{trimmed: h.forgotten}}
		h.topics[name] = t
	}
	return t
}

func (h *Hub) expire(t *topic, now time.Duration) {
	if h.cfg.HistoryAge > 0 {
		t.ring.expire(now - h.cfg.HistoryAge)
	}
}

// sweep looks, every now and then, for topics to forget. The caller holds mu.
func (h *Hub) sweep(now time.Duration) {
	if h.cfg.HistoryAge == 0 || now-h.swept < h.cfg.HistoryAge/2 {
		return
	}
	h.swept = now
	for _, t := range h.topics {
		h.expire(t, now)
		h.forget(t)
	}
}

// forget drops a topic that nobody listens to and that has no history left.
// The caller holds mu.
func (h *Hub) forget(t *topic) {
	if t.listeners == 0 && t.ring.len() == 0 {
		h.forgotten = max(h.forgotten, t.ring.trimmed)
		delete(h.topics, t.name)
	}
}
