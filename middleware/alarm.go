package middleware

import (
	"sync"
	"time"
)

// An alarm rings whoever holds it when a time has come. Nearly all requests end
// long before their deadline, and setting a timer and stopping it again would
// be a good part of what a Timeout costs them. So an alarm that is given back
// stays set. The deadline of its next holder is mostly later: the alarm rings
// too early then, once, and is set anew.
type alarm struct {
	mu     sync.Mutex
	timer  *time.Timer
	rings  time.Time // zero unless the timer is set
	holder *timeout
}

var alarms = sync.Pool{New: func() any { return new(alarm) }}

// setAlarm has t.expire called at its deadline, or before.
func (t *timeout) setAlarm() {
	if bubbled(t.start) {
		t.alarm = new(alarm)
	} else {
		t.alarm = alarms.Get().(*alarm)
	}
	a := t.alarm
	a.mu.Lock()
	defer a.mu.Unlock()
	a.holder = t
	a.ringBy(t.ctx.at, t.start)
}

// unsetAlarm is called once, with the turn held and the fate decided: t does
// nothing about an alarm that is just ringing.
func (t *timeout) unsetAlarm() {
	a := t.alarm
	a.mu.Lock()
	a.holder = nil
	a.mu.Unlock()
	if bubbled(t.start) {
		a.timer.Stop()
	} else {
		alarms.Put(a)
	}
}

// moveAlarm has t.expire called at the given time, or before.
func (t *timeout) moveAlarm(at, now time.Time) {
	t.alarm.mu.Lock()
	defer t.alarm.mu.Unlock()
	t.alarm.ringBy(at, now)
}

func (a *alarm) ringBy(at, now time.Time) {
	switch {
	case a.timer == nil:
		a.timer = time.AfterFunc(at.Sub(now), a.ring)
	case a.rings.IsZero() || at.Before(a.rings):
		a.timer.Reset(at.Sub(now))
	default:
		return
	}
	a.rings = at
}

// ring is the timer's callback. Whoever takes the alarm from here on finds that
// it is not set.
func (a *alarm) ring() {
	a.mu.Lock()
	a.rings = time.Time{}
	t := a.holder
	a.mu.Unlock()
	if t != nil {
		t.expire()
	}
}

// bubbled reports whether now was read in a bubble of testing/synctest, whose
// clock has no monotonic part. A timer that was made in a bubble must not be
// touched outside of it, so it must not get into the pool, and one from the
// pool would follow the clock outside.
func bubbled(now time.Time) bool { return now == now.Round(0) }
