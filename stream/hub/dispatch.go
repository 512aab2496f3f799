package hub

import "time"

// dispatch wakes subscribers: those of topics with something new, and those
// who have heard nothing for too long. It runs while there are subscribers.
//
// A goroutine of its own does this, rather than the publisher, because waking
// ten thousand sleepers takes milliseconds. In a burst that is time in which
// more is published, and found by the same awakening.
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

// period returns how often to look for subscribers who are due, 0 for never.
func (h *Hub) period() time.Duration {
	period := time.Duration(0)
	for _, every := range []time.Duration{h.cfg.Heartbeat, h.cfg.MaxAge} {
		if every > 0 && (period == 0 || every/10 < period) {
			period = max(every/10, time.Millisecond)
		}
	}
	return period
}

// nudge has the dispatcher look for topics with something new.
func (h *Hub) nudge() {
	select {
	case h.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// wakeFresh wakes the subscribers of the topics with something new. It reports
// false if there are no subscribers at all.
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

// wakeOverdue wakes the subscribers who have to be sent a heartbeat, and those
// who have been there for long enough.
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

// each calls f for each of those in a list of the audience, which the caller
// has locked. It lets go of the lock every now and then. It goes from the end to
// the beginning: the place of one that leaves is taken by one that had its
// turn, and one that comes needs none, since it looks for events by itself.
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
