package middleware

import (
	"sync"
	"time"
)

// An alarm calls the request that holds it at a set time. Nearly all requests end long
// before their deadline, and setting and stopping a timer costs 250 ns and two
// allocations. So a returned alarm stays set. The deadline of its next holder is mostly
// later: the alarm fires too early once, and is set again. One that is set for longer
// than far is stopped, since the pool may drop it, and a running timer is never
// collected.
//
// Only methods of time.Timer are called with mu held.
type alarm struct {
	mu     sync.Mutex
	timer  *time.Timer
	rings  time.Time // zero unless the timer is set
	holder *timeout
}

var alarms = sync.Pool{New: func() any { return new(alarm) }}

// takeAlarm arranges for t.expire to be called at its deadline, or earlier.
func (t *timeout) takeAlarm() {
	if bubbled(t.ctx.start) {
		t.alarm = new(alarm)
	} else {
		t.alarm = alarms.Get().(*alarm)
	}
	a := t.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holder = t
	a.ringIn(t.cfg.Duration, t.ctx.start)
}

// dropAlarm is called once, when t.expire has nothing left to do.
func (t *timeout) dropAlarm() {
	a, bubble := t.alarm, bubbled(t.ctx.start)
	a.mu.Lock()
	a.holder = nil
	if bubble || a.rings.Sub(t.ctx.start) > far {
		a.timer.Stop()
		a.rings = time.Time{}
	}
	a.mu.Unlock()
	if !bubble {
		alarms.Put(a)
	}
}

const far = time.Minute

// setAlarm arranges for t.expire to be called after d, or earlier, if t still holds the
// alarm.
func (t *timeout) setAlarm(d time.Duration, now time.Time) {
	a := t.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.holder == t {
		a.ringIn(d, now)
	}
}

func (a *alarm) ringIn(d time.Duration, now time.Time) {
	at := now.Add(d)
	switch {
	case a.timer == nil:
		a.timer = time.AfterFunc(d, a.ring)
	case a.rings.IsZero() || at.Before(a.rings):
		a.timer.Reset(d)
	default:
		return
	}
	a.rings = at
}

// ring is the timer's callback. From here on the holder of the alarm finds it unset.
func (a *alarm) ring() {
	a.mu.Lock()
	a.rings = time.Time{}
	t := a.holder
	a.mu.Unlock()
	if t != nil {
		t.expire()
	}
}

// bubbled reports whether now was read in a bubble of testing/synctest, whose clock has
// no monotonic part. A timer made in a bubble must not be used outside of it, so it
// must not get into the pool, and one from the pool would follow the clock outside.
func bubbled(now time.Time) bool { return now == now.Round(0) }
