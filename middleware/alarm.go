package middleware

import (
	"sync"
	"sync/atomic"
	"time"
)

// An alarm is a timer that can be used again: it rings whoever holds it. Most
// requests end long before their deadline, and would each leave a timer and
// its callback to the collector.
type alarm struct {
	timer  *time.Timer
	holder atomic.Pointer[timeout]
}

var alarms = sync.Pool{New: func() any { return new(alarm) }}

// set has t.expire called after d, at the time given as now.
func (t *timeout) set(now time.Time, d time.Duration) {
	var a *alarm
	if bubbled(now) {
		a = new(alarm)
	} else {
		a = alarms.Get().(*alarm)
	}
	a.holder.Store(t)
	t.alarm = a
	if a.timer != nil {
		a.timer.Reset(d)
		return
	}
	a.timer = time.AfterFunc(d, func() {
		if t := a.holder.Load(); t != nil {
			t.expire()
		}
	})
}

// unset is called once, when t no longer needs its alarm. One that has rung, or
// may just be ringing, is not used again.
func (t *timeout) unset(now time.Time) {
	if a := t.alarm; a.timer.Stop() && !bubbled(now) {
		a.holder.Store(nil)
		alarms.Put(a)
	}
}

// bubbled reports whether now was read in a bubble of testing/synctest, whose
// clock has no monotonic part. A timer that was made in a bubble must not be
// touched outside of it, so it must not get into the pool, and one from the
// pool would follow the clock outside.
func bubbled(now time.Time) bool { return now == now.Round(0) }
