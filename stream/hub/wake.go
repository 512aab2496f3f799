package hub

import "time"

// wakeLoop wakes subscribers: those of topics with new events, and those that are due a
// heartbeat. It runs while there are subscribers.
//
// It has a goroutine of its own, so that the publisher does not spend the milliseconds
// that waking ten thousand goroutines takes. In a burst one wakeup then finds several
// events.
func (h *Hub) wakeLoop() {
	var tick <-chan time.Time
	if period := h.period(); period > 0 {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-h.wakeup:
			if !h.wakeDirty() {
				return
			}
		case <-tick:
			h.wakeOverdue()
		}
	}
}

// period returns how often to look for subscribers that are due, 0 for never.
func (h *Hub) period() time.Duration {
	period := time.Duration(0)
	for _, every := range []time.Duration{h.cfg.Heartbeat, h.cfg.MaxAge} {
		if every > 0 && (period == 0 || every/10 < period) {
			period = max(every/10, time.Millisecond)
		}
	}
	return period
}

// notify makes the wake loop look for topics with new events.
func (h *Hub) notify() {
	select {
	case h.wakeup <- struct{}{}:
	default: // a wakeup is pending
	}
}

// wakeDirty wakes the subscribers of topics with new events. It reports false if there
// are no subscribers at all.
func (h *Hub) wakeDirty() bool {
	h.subscribersMu.Lock()
	defer h.subscribersMu.Unlock()
	h.mu.Lock()
	dirty, all := h.dirty, h.allDirty
	h.dirty, h.allDirty = nil, false
	for _, t := range dirty {
		t.isDirty = false
	}
	h.mu.Unlock()
	if len(h.subscribers) == 0 {
		h.wakeLoopRunning = false
		return false
	}
	if all {
		each(h, &h.subscribers, (*subscriber).wake)
	} else {
		for _, t := range dirty {
			each(h, &t.subscribers, topicSubscriber.wake)
		}
	}
	return true
}

// wakeOverdue wakes the subscribers that are due a heartbeat, or have reached MaxAge.
func (h *Hub) wakeOverdue() {
	now, every := h.now(), h.cfg.Heartbeat
	h.subscribersMu.Lock()
	defer h.subscribersMu.Unlock()
	each(h, &h.subscribers, func(s *subscriber) {
		if every > 0 && now >= time.Duration(s.lastSent.Load())+every || s.expires > 0 && now >= s.expires {
			s.wake()
		}
	})
}

// each calls f for each element of a list of subscribers, whose lock the caller holds. It
// releases the lock at intervals. It goes from the end to the beginning: the place of
// one that leaves is taken by one that had its turn, and a new one needs none, since it
// looks for events by itself.
func each[E any](h *Hub, list *[]E, f func(E)) {
	for i, n := len(*list), 1; i > 0; n++ {
		i--
		f((*list)[i])
		if n%lockBudget == 0 {
			h.subscribersMu.Unlock()
			h.subscribersMu.Lock()
			i = min(i, len(*list))
		}
	}
}

// wake makes s look for events. It does not wait, and costs next to nothing if s is
// awake.
func (s *subscriber) wake() {
	if !s.awake.Load() && s.awake.CompareAndSwap(false, true) {
		s.signal <- struct{}{}
	}
}
