package flush

import "time"

// Beat writes p whenever nothing was written for so long, until stop is called.
// The timer is not reset by traffic: when it fires it looks when the last write
// was, and sleeps again for what is left.
func (c *Conn) Beat(every time.Duration, p []byte) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Now()
	var timer *time.Timer
	timer = time.AfterFunc(every, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		left := every - time.Since(c.last)
		if left <= 0 {
			if c.put(p) != nil {
				return
			}
			left = every
		}
		timer.Reset(left)
	})
	return timer.Stop
}
