package flush

import "time"

// Beat writes p whenever nothing was written for so long, until stop is called.
// What is sent in parts it does not come between. The stream it opens sooner if the
// response would be ended before: by the WriteTimeout of the server on HTTP/2, or
// by a Timeout.
//
// The timer is not reset by traffic: when it fires it looks when the last write
// was, and sleeps again for what is left.
func (c *Conn) Beat(every time.Duration, p []byte) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		c.last = time.Now()
	}
	var timer *time.Timer
	timer = time.AfterFunc(c.patience(every), func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := every - time.Since(c.last)
		if c.parts == nil && (left <= 0 || !c.open) {
			if c.ctx.Err() != nil || c.put(p) != nil {
				return
			}
			left = every
		}
		timer.Reset(max(left, every/16))
	})
	return timer.Stop
}

// patience returns every, or half of the time that is left to a response that is not
// open yet.
func (c *Conn) patience(every time.Duration) time.Duration {
	if c.open {
		return every
	}
	if _, write := c.serverTimeouts(); write > 0 && c.r.ProtoMajor != 1 {
		every = min(every, write/2)
	}
	for c.deadline != nil && every > time.Millisecond && c.deadline.EndsWithin(2*every) {
		every /= 2
	}
	return every
}
