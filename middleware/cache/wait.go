package cache

import (
	"context"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/httperr"
)

// enter returns the fill that is under way for what was looked for, or begins
// one for the caller to lead. It returns nil if nobody should wait: a short
// while ago the response was for one client, or it varies with what is too long
// to remember.
func (c *Cache) enter(t target, at found) (f *fill, leads bool) {
	key := at.slot
	if len(key) > maxKey {
		return nil, false
	}
	if t.credentials {
		key = "credentials " + key
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if f := c.fills[key]; f != nil {
		return f, false
	}
	if until, ok := c.marks.get(passMark + key); ok && time.Now().Before(until) {
		return nil, false
	}
	f = &fill{cache: c, target: t, key: key, slot: at.slot, old: at.entry, done: make(chan struct{})}
	c.fills[key] = f
	return f, true
}

// settle gives those who wait for the fill its outcome, unless they have one,
// and lets others begin anew.
func (c *Cache) settle(f *fill, out outcome) {
	if unlock := c.decide(f, out); unlock != nil {
		unlock()
	}
}

// decide is the part of settle that no other goroutine may come between. It
// returns what is left to do.
func (c *Cache) decide(f *fill, out outcome) (unlock func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f.settled {
		return nil
	}
	f.settled, f.out = true, out
	if c.fills[f.key] == f {
		delete(c.fills, f.key)
	}
	close(f.done)
	return f.unlock
}

// lock keeps other processes from filling the entry. It reports false if one of
// them was, and has ended.
func (c *Cache) lock(ctx context.Context, f *fill) bool {
	unlock, ok := c.back.Lock(context.WithoutCancel(ctx), f.key) // others wait for f as well
	if unlock == nil {
		return ok
	}
	c.mu.Lock()
	settled := f.settled // by FillTimeout
	f.unlock = unlock
	c.mu.Unlock()
	if settled {
		unlock()
	}
	return true
}

func (c *Cache) remember(mark string, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.marks.set(mark, time.Now().Add(d))
}

// lead runs the handler for all who wait.
func (c *Cache) lead(f *fill, w http.ResponseWriter, r *http.Request, next http.Handler) {
	if err := f.start(context.WithoutCancel(r.Context())); err != nil {
		c.settle(f, outcome{})
		c.pass(w, r, next, &f.target, bypassed)
		return
	}
	rec, inner := newRecorder(f, w, r)
	e, err := f.run(next, rec, inner, r)
	switch {
	case rec.live:
	case (err != nil || e.Status >= 500) && f.old.standsIn(time.Now()):
		c.sendStored(w, r, f.old, time.Now())
	case err != nil:
		httperr.Handle(w, r, err, c.cfg.OnError, c.cfg.Logger)
	default:
		status := forwarded(f.old != nil)
		if rec.verdict == keep {
			status += "; stored"
		}
		c.send(w, r, e, status, "MISS", "")
	}
}

// wait answers with what somebody else's fill brings. It reports false if that
// is not for this request, which then begins anew.
func (c *Cache) wait(f *fill, w http.ResponseWriter, r *http.Request, next http.Handler, at found) bool {
	select {
	case <-f.done:
	case <-r.Context().Done():
		err := context.Cause(r.Context())
		httperr.Handle(w, r, &httperr.Error{Status: http.StatusGatewayTimeout, Cause: err}, c.cfg.OnError, c.cfg.Logger)
		return true
	}
	out := f.out
	switch {
	case out.again:
		return false
	case out.failed && at.entry.standsIn(time.Now()):
		c.sendStored(w, r, at.entry, time.Now())
		return true
	case out.err != nil:
		httperr.Handle(w, r, out.err, c.cfg.OnError, c.cfg.Logger)
		return true
	case out.entry == nil:
		c.pass(w, r, next, &f.target, forwarded(at.entry != nil))
		return true
	case variant(f.target.key, out.vary, r.Header) != out.entry.Key:
		return false
	}
	valid, err := c.valid(r.Context(), out.entry)
	switch {
	case err != nil:
		c.pass(w, r, next, &f.target, bypassed)
	case !valid:
		return false
	default:
		fillOf(r.Context()).inherit(out.entry)
		c.send(w, r, out.entry, forwarded(at.entry != nil)+"; collapsed", "MISS", "")
	}
	return true
}
