package cache

import (
	"context"
	"errors"
	"net/http"

	"github.com/apiece/apiece/internal/exchange"
)

var errShutdown = errors.New("cache: shut down")

// refresh makes a stale entry anew, unless that is under way, behind the back of
// the reader who is given the old one.
func (c *Cache) refresh(r *http.Request, next http.Handler, t target, at found) {
	c.mu.Lock()
	until, paused := c.marks.get(pauseMark + at.slot)
	paused = paused && at.now.Before(until) || c.closed
	c.mu.Unlock()
	if paused {
		return
	}
	f, leads := c.enter(t, at)
	if !leads {
		return
	}
	// The request is copied before its handler returns and net/http reuses it.
	own := r.Clone(exchange.Detach(context.WithoutCancel(r.Context())))
	own.Method, own.Body = http.MethodGet, http.NoBody
	if err := f.start(own.Context()); err != nil {
		c.settle(f, outcome{})
		return
	}
	if !c.begin(f) {
		f.release()
		c.settle(f, outcome{})
		return
	}
	go func() {
		defer c.end(f)
		if !c.lock(own.Context(), f) {
			f.release()
			c.settle(f, outcome{again: true})
			return
		}
		rec, inner := newRecorder(f, &nowhere{header: make(http.Header)}, own)
		rec.alone = true
		if e, err := f.run(next, rec, inner, own); err != nil || e != nil && e.Status >= 500 {
			c.remember(pauseMark+f.slot, pauseFor)
		}
	}()
}

// begin notes a refresh that is about to run, and reports false if none may.
func (c *Cache) begin(f *fill) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.refreshes[f] = struct{}{}
	c.background.Add(1)
	return true
}

func (c *Cache) end(f *fill) {
	c.mu.Lock()
	delete(c.refreshes, f)
	c.mu.Unlock()
	c.background.Done()
}

// Shutdown begins no more refreshes, and waits for those that run. If ctx ends
// first it ends theirs, and returns its error without waiting on. Requests are
// served as before, but stale entries stay stale. Call it when the server has
// shut down. No other goroutines outlive a request.
func (c *Cache) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	idle := make(chan struct{})
	go func() { c.background.Wait(); close(idle) }()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for f := range c.refreshes {
		f.cancel(errShutdown)
	}
	return context.Cause(ctx)
}
