package flush

import (
	"errors"
	"time"

	"github.com/apiece/apiece/internal/respw"
)

// Beat writes p whenever nothing was written for so long, until StopBeat. What is
// sent in parts it does not come between. The stream it opens sooner if the response
// would be ended before: by the WriteTimeout of the server on HTTP/2, or by a
// Timeout. It is called once, before anything is written.
func (c *Conn) Beat(every time.Duration, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = time.Since(c.began)
	c.beat = time.AfterFunc(c.patience(every), func() { c.tick(every, p) })
}

// StopBeat ends the heartbeats, if there are any: none is written after it but one
// that is under way, which Shut waits for.
func (c *Conn) StopBeat() {
	if c.beat != nil {
		c.beat.Stop()
	}
}

// tick is what the timer does. It is not reset by traffic: when it fires it looks
// when the last write was, and sleeps again for what is left.
func (c *Conn) tick(every time.Duration, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := every - (time.Since(c.began) - c.last)
	if c.parts == nil && (left <= 0 || !c.open) {
		if c.ctx.Err() != nil || !c.putSafely(p) {
			return
		}
		c.beaten = true
		left = every
	}
	c.beat.Reset(max(left, every/16))
}

// putSafely is put on a goroutine where a panic would end the process: that of a
// writer of others, or of net/http over HTTP/2 if the handler has returned. The
// stream has failed then.
func (c *Conn) putSafely(p []byte) (ok bool) {
	returned := false
	respw.Safely(func() {
		ok = c.put(p) == nil
		returned = true
	})
	if !returned {
		c.err = errPanic
	}
	return ok
}

var errPanic = errors.New("stream: the writer of the response has panicked")

// patience returns every, or half of the time that is left to a response that is not
// open yet.
func (c *Conn) patience(every time.Duration) time.Duration {
	if _, write := c.serverTimeouts(); write > 0 && c.r.ProtoMajor != 1 {
		every = min(every, write/2)
	}
	for c.deadline != nil && every > time.Millisecond && c.deadline.EndsWithin(2*every) {
		every /= 2
	}
	return every
}

// Parting is what a stream ends with in good order, if nothing followed a
// heartbeat. Some clients come back from a line that breaks off, and not from
// an end behind a comment; the HTML standard has them pass over either.
const Parting = ":"
