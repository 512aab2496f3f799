package hub

import "time"

// dispatch wakes subscribers: those of topics with new events, and those that are due a
// heartbeat. It runs while there are subscribers.
//
// It has a goroutine of its own, so that the publisher does not spend the milliseconds
// that waking ten thousand goroutines takes. In a burst one wakeup then finds several
// events.
func (h *Hub) dispatch() {
	var tick <-chan time.Time
	if period := h.period(); period > 0 {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		tick = ticker.C
	}
	for {
		select {
		case <-h.kick:
			if !h.wakeFresh() {
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

// nudge makes the dispatcher look for topics with new events.
func (h *Hub) nudge() {
	select {
	case h.kick <- struct{}{}:
	default: // a nudge is pending
	}
}

// wakeFresh wakes the subscribers of topics with new events. It reports false if there
// are no subscribers at all.
func (h *Hub) wakeFresh() bool {
	h.audience.Lock()
	defer h.audience.Unlock()
	h.mu.Lock()
	fresh, all := h.fresh, h.allFresh
	h.fresh, h.allFresh = nil, false
	for _, t := range fresh {
		t.isFresh = false
	}
	h.mu.Unlock()
	if len(h.subscribers) == 0 {
		h.dispatching = false
		return false
	}
	if all {
		each(h, &h.subscribers, (*subscriber).wake)
	} else {
		for _, t := range fresh {
			each(h, &t.members, member.wake)
		}
	}
	return true
}

// wakeOverdue wakes the subscribers that are due a heartbeat, or have reached MaxAge.
func (h *Hub) wakeOverdue() {
	now, every := h.now(), h.cfg.Heartbeat
	h.audience.Lock()
	defer h.audience.Unlock()
	each(h, &h.subscribers, func(s *subscriber) {
		if every > 0 && now >= time.Duration(s.quiet.Load())+every || s.expires > 0 && now >= s.expires {
			s.wake()
		}
	})
}

// each calls f for each element of a list of the audience, which the caller has locked.
// It releases the lock at intervals. It goes from the end to the beginning: the place of
// one that leaves is taken by one that had its turn, and a new one needs none, since it
// looks for events by itself.
func each[E any](h *Hub, list *[]E, f func(E)) {
	for i, n := len(*list), 1; i > 0; n++ {
		i--
		f((*list)[i])
		if n%stint == 0 {
			h.audience.Unlock()
			h.audience.Lock()
			i = min(i, len(*list))
		}
	}
}
