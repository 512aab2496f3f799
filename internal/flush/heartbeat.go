package flush

import (
	"time"

	"github.com/apiece/apiece/internal/response"
)

// StartHeartbeat writes p after every period without a write, until StopHeartbeat. It
// does not interrupt a response that is sent in parts. It opens the stream earlier if the
// response would otherwise end first: by the server's WriteTimeout on HTTP/2, or by a
// Timeout. Call it once, before any write.
func (c *Conn) StartHeartbeat(every time.Duration, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Since(c.began)
	c.heartbeat = time.AfterFunc(c.heartbeatDelay(every), func() { c.tick(every, p) })
}

// StopHeartbeat stops the heartbeats, if any. A heartbeat that is being written still
// completes, and Close waits for it.
func (c *Conn) StopHeartbeat() {
	if c.heartbeat != nil {
		c.heartbeat.Stop()
	}
}

// tick is the timer's callback. Writes do not reset the timer: when it fires, it checks
// the time of the last write, and sleeps for the rest.
func (c *Conn) tick(every time.Duration, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := every - (time.Since(c.began) - c.last)
	if c.parts == nil && (left <= 0 || !c.open) {
		if c.ctx.Err() != nil || !c.writeAndFlushSafely(p) {
			return
		}
		left = every
	}
	c.heartbeat.Reset(max(left, every/16))
}

// writeAndFlushSafely is WriteAndFlush on a goroutine where a panic would end the
// process: a panic of a foreign writer, or of net/http over HTTP/2 after the handler has
// returned. The stream has failed then.
func (c *Conn) writeAndFlushSafely(p []byte) (ok bool) {
	returned := false
	response.Safely(func() {
		ok = c.WriteAndFlush(p) == nil
		returned = true
	})
	if !returned {
		c.err = errPanic
	}
	return ok
}

// heartbeatDelay returns every, or half of the remaining time of a response that is not
// open yet.
func (c *Conn) heartbeatDelay(every time.Duration) time.Duration {
	if _, write := c.serverTimeouts(); write > 0 && c.r.ProtoMajor != 1 {
		every = min(every, write/2)
	}
	for c.deadline != nil && every > time.Millisecond && c.deadline.EndsWithin(2*every) {
		every /= 2
	}
	return every
}

// FinalComment ends an event stream in good order after a line that no blank line follows,
// such as a heartbeat. Some clients reconnect after a partial line, but not after an
// end that follows a comment; the HTML standard ignores both.
const FinalComment = ":"
