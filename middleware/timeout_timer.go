package middleware

import (
	"sync"
	"time"
)

// A sharedTimer calls the request that holds it at a set time. Nearly all requests end
// long before their deadline, and setting and stopping a timer costs 250 ns and two
// allocations. So a returned timer stays set. The deadline of its next holder is mostly
// later: the timer fires too early once, and is set again. One that is set for longer
// than far is stopped, since the pool may drop it, and a running timer is never
// collected.
//
// Only methods of time.Timer are called with mu held.
type sharedTimer struct {
	mu     sync.Mutex
	timer  *time.Timer
	fires  time.Time // zero unless the timer is set
	holder *timeout
}

var timers = sync.Pool{New: func() any { return new(sharedTimer) }}

// takeTimer arranges for t.expire to be called at its deadline, or earlier.
func (t *timeout) takeTimer() {
	if inBubble(t.ctx.start) {
		t.timer = new(sharedTimer)
	} else {
		t.timer = timers.Get().(*sharedTimer)
	}
	s := t.timer
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holder = t
	s.fireIn(t.cfg.Duration, t.ctx.start)
}

// returnTimer is called once, when t.expire has nothing left to do.
func (t *timeout) returnTimer() {
	s, bubble := t.timer, inBubble(t.ctx.start)
	s.mu.Lock()
	s.holder = nil
	if bubble || s.fires.Sub(t.ctx.start) > far {
		s.timer.Stop()
		s.fires = time.Time{}
	}
	s.mu.Unlock()
	if !bubble {
		timers.Put(s)
	}
}

const far = time.Minute

// setTimer arranges for t.expire to be called after d, or earlier, if t still holds the
// timer.
func (t *timeout) setTimer(d time.Duration, now time.Time) {
	s := t.timer
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.holder == t {
		s.fireIn(d, now)
	}
}

func (s *sharedTimer) fireIn(d time.Duration, now time.Time) {
	at := now.Add(d)
	switch {
	case s.timer == nil:
		s.timer = time.AfterFunc(d, s.fire)
	case s.fires.IsZero() || at.Before(s.fires):
		s.timer.Reset(d)
	default:
		return
	}
	s.fires = at
}

// fire is the timer's callback. From here on the holder finds the timer unset.
func (s *sharedTimer) fire() {
	s.mu.Lock()
	s.fires = time.Time{}
	t := s.holder
	s.mu.Unlock()
	if t != nil {
		t.expire()
	}
}

// inBubble reports whether now was read in a bubble of testing/synctest, whose clock
// has no monotonic part. A timer made in a bubble must not be used outside of it, so it
// must not get into the pool, and one from the pool would follow the clock outside.
func inBubble(now time.Time) bool { return now == now.Round(0) }
