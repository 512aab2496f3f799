package middleware

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/exchange"
)

// Extend moves the deadline of the handler that serves r to d from now; 0 is now, and a
// negative d lifts it. Timeouts further out that would end earlier move too. Call it
// before deriving contexts: a context with a later deadline of its own relies on the
// deadline that r had then. Extend returns http.ErrHandlerTimeout after the deadline,
// and an error matching http.ErrNotSupported if no [Timeout] applies.
func Extend(r *http.Request, d time.Duration) error {
	t, ok := exchange.Get[exchange.Extender](r, exchange.Deadline)
	if !ok {
		return fmt.Errorf("middleware: no Timeout is in force: %w", http.ErrNotSupported)
	}
	return t.Extend(d)
}

// outer returns the Timeout around this one, or nil. It is looked up on demand, since
// few handlers move a deadline.
func (t *timeout) outer() exchange.Extender {
	outer, _ := exchange.Get[exchange.Extender](t.outside, exchange.Deadline)
	return outer
}

// Extend implements exchange.Extender.
func (t *timeout) Extend(d time.Duration) error {
	if outer := t.outer(); outer != nil {
		if err := outer.AtLeast(d); err != nil {
			return err
		}
	}
	return t.moveTo(d)
}

// AtLeast implements exchange.Extender.
func (t *timeout) AtLeast(d time.Duration) error {
	if outer := t.outer(); outer != nil {
		if err := outer.AtLeast(d); err != nil {
			return err
		}
	}
	after := time.Duration(t.ctx.after.Load())
	if after != 0 && (d < 0 || after-time.Since(t.ctx.start) < d) {
		return t.moveTo(d)
	}
	if t.guard.Look().Late() {
		return http.ErrHandlerTimeout
	}
	return nil
}

// EndsWithin implements exchange.Extender.
func (t *timeout) EndsWithin(d time.Duration) bool {
	return t.cfg.Mode == TimeoutTotal && t.cfg.Duration <= d && t.ctx.after.Load() == int64(t.cfg.Duration)
}

// Reading implements exchange.Extender.
func (t *timeout) Reading(reading bool) {
	t.ctx.reads.Store(reading)
	if outer := t.outer(); outer != nil {
		outer.Reading(reading)
	}
}

// mayContinue reports whether the mode lets the handler continue, and sets the next
// check.
func (t *timeout) mayContinue() bool {
	switch t.cfg.Mode {
	case TimeoutFirstByte:
		if t.guard.Progress() > 0 {
			return t.moveTo(-1) == nil
		}
	case TimeoutIdle:
		if progress := t.guard.Progress(); t.seen.Swap(progress) != progress {
			return t.moveTo(t.cfg.Duration) == nil
		}
	}
	return false
}

// moveTo sets the deadline to d from now; a negative d lifts it. A timer that has
// already checked checks again.
func (t *timeout) moveTo(d time.Duration) error {
	now := time.Now()
	after := int64(0)
	if d >= 0 {
		passed := now.Sub(t.ctx.start)
		after = int64(max(passed+min(d, math.MaxInt64-passed), 1)) // 0 is none
	}
	t.ctx.after.Store(after)
	if !t.guard.Moved() {
		return http.ErrHandlerTimeout
	}
	if d >= 0 {
		t.setTimer(d, now)
	}
	return nil
}
