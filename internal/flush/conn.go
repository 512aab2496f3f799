package flush

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/reqbody"
	"github.com/apiece/apiece/internal/respw"
	"github.com/apiece/apiece/internal/setting"
)

// EventStream is the media type of server-sent events.
const EventStream = "text/event-stream"

// Config is how a Conn behaves.
type Config struct {
	// MediaType is the Content-Type of the response.
	MediaType string
	// WriteTimeout bounds one flush. 0 is 10 seconds, negative is none.
	WriteTimeout time.Duration
	// Until, if set, ends the context of the Conn once it is done.
	Until context.Context
	// Shuts promises that Shut is called before the handler returns. On HTTP/1 the
	// write deadline then stays armed between two writes, and is moved only when too
	// little of it is left: a flush may take up to 1/32 more than WriteTimeout.
	Shuts bool
}

// Conn is a response that is written and flushed bit by bit: the header that
// waits for the first write, and the deadline around each flush.
//
//	┌──────────┐ 1  ┌──────┐ 2  ┌──────┐
//	│ prepared ├───►│ open ├───►│ over │
//	└────┬─────┘    └──────┘    └──────┘
//	     └──────────────────────────▲ 3
//
//	1 the first write: what limits the response is lifted, the header is sent
//	2 a write has failed, or Shut
//	3 Shut, or Refuse: the response is another, under all limits that it had
//
// Until it is open nothing is lifted: the deadlines of the server hold, and that of
// a Timeout, and an error is answered as for any other response.
type Conn struct {
	w        http.ResponseWriter
	rw       *respw.Writer // what is behind w
	r        *http.Request
	ctx      context.Context
	mime     string
	timeout  time.Duration // for one flush, 0 is none
	lasts    bool          // the write deadline stays armed between writes
	deadline exchange.Extender

	mu     sync.Mutex
	lifted bool          // the response has no limits
	open   bool          // the header is out
	began  time.Time     // the clock of last and armed: reading it is cheaper than time.Now
	last   time.Duration // when the last flush began
	armed  time.Duration // the write deadline, if it lasts
	err    error         // what every write returns from now on
	parts  chan struct{} // not nil while something is sent in parts: closed when it is whole
	beat   *time.Timer   // nil without heartbeats
	beaten bool          // a heartbeat was written last
}

// Prepare looks whether the response to r can be a stream. Neither is anything
// sent nor a limit lifted. The error is ErrHead for a HEAD request. Whatever it
// is, Refuse answers it.
func (c *Conn) Prepare(w http.ResponseWriter, r *http.Request, cfg Config) error {
	// Wrapped, w knows whether a header is out, and shows by its methods
	// whether anything below it can flush.
	c.rw, c.w = respw.Wrap(w, r)
	c.r, c.ctx, c.mime = r, r.Context(), cfg.MediaType
	c.began = time.Now()
	c.timeout = setting.Or(cfg.WriteTimeout, 10*time.Second)
	// On HTTP/2 a deadline that passes ends the stream, whether or not anything is
	// being written.
	c.lasts = cfg.Shuts && r.ProtoMajor == 1
	if r.Method == http.MethodHead {
		return ErrHead
	}
	if !c.rw.Flushes() {
		return errors.New("stream: the ResponseWriter cannot flush: a wrapper hides http.Flusher and has no Unwrap method")
	}
	if c.rw.Committed() {
		return errors.New("stream: the response has begun already")
	}
	// Looked up now: a heartbeat, on another goroutine, may be what opens the stream.
	c.deadline, _ = exchange.Get[exchange.Extender](r, exchange.Deadline)
	if cfg.Until != nil {
		ctx, cancel := context.WithCancelCause(c.ctx)
		stop := context.AfterFunc(cfg.Until, func() { cancel(errUntil) })
		context.AfterFunc(ctx, func() { stop() })
		c.ctx = ctx
	}
	return nil
}

// errUntil is the cause of a context that Config.Until has ended.
var errUntil = errors.New("stream: ended by the server")

// Writer returns the writer of the response.
func (c *Conn) Writer() http.ResponseWriter { return c.w }

// Request returns the request that the response is for.
func (c *Conn) Request() *http.Request { return c.r }

// Context ends with that of the request and with Config.Until.
func (c *Conn) Context() context.Context { return c.ctx }

// Send writes p, unless the stream has ended, and flushes.
func (c *Conn) Send(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.turn(); err != nil {
		return err
	}
	return c.put(p)
}

// turn waits until nothing is sent in parts. The caller holds mu, which is free
// meanwhile.
func (c *Conn) turn() error {
	for c.ctx.Err() == nil {
		whole := c.parts
		if whole == nil {
			return nil
		}
		c.mu.Unlock()
		select {
		case <-whole:
		case <-c.ctx.Done():
		}
		c.mu.Lock()
	}
	return context.Cause(c.ctx)
}

// Part is Send for a part of something that nothing else may be written into.
// All parts come from one goroutine. After the first, what others send waits for
// the last, or for a Part that fails, or for Break.
func (c *Conn) Part(p []byte, first, last bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first {
		if err := c.turn(); err != nil {
			return err
		}
		c.parts = make(chan struct{})
	}
	err := c.put(p)
	if last || err != nil {
		c.whole()
	}
	return err
}

// Break is called in place of the last Part if there will be none: after a part
// nothing can be sent any more.
func (c *Conn) Break() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = errBroken
	}
	c.whole()
}

func (c *Conn) whole() {
	close(c.parts)
	c.parts = nil
}

var errBroken = errors.New("stream: write after a part of an event")

// Put writes p and flushes, even if the context has ended. The caller is the
// only one to write: no lock is taken.
func (c *Conn) Put(p []byte) error { return c.put(p) }

// put writes p and flushes. The caller holds mu, or is the only one to write.
func (c *Conn) put(p []byte) error {
	if c.err != nil {
		return c.err
	}
	c.beaten = false
	if err := c.lift(); err != nil {
		return err
	}
	c.last = time.Since(c.began)
	c.arm()
	write := c.write
	if !c.open {
		write = c.writeFirst
	}
	if err := write(p); err != nil {
		c.err = Gone(err)
		return c.err
	}
	c.open = true
	if c.timeout > 0 && !c.lasts {
		_ = c.rw.SetWriteDeadline(time.Time{})
	}
	return nil
}

// Start lifts what limits the response, which the first write would do: the caller
// is the only one to write, and has decided that there is a stream.
func (c *Conn) Start() error { return c.lift() }

// lift takes away what limits the time and the size of the response. The error is
// that of a deadline that has passed.
func (c *Conn) lift() error {
	if c.lifted {
		return nil
	}
	if c.deadline != nil {
		if err := c.deadline.Extend(-1); err != nil {
			return err
		}
	}
	c.lifted = true
	respw.Stream(c.w)
	if c.timeout == 0 {
		_ = c.rw.SetWriteDeadline(time.Time{})
	}
	return nil
}

// arm sees to it that what is written now has its time, and no more than that.
func (c *Conn) arm() {
	if c.timeout == 0 || c.lasts && c.armed-c.last >= c.timeout {
		return
	}
	c.armed = c.last + c.timeout
	if c.lasts {
		c.armed += c.timeout / 32
	}
	if c.rw.SetWriteDeadline(c.began.Add(c.armed)) != nil {
		c.timeout = 0 // a recorder, for one, has no deadlines
	}
}

// write writes and flushes: only that tells reliably whether a client is gone, since
// a write alone fills a buffer.
func (c *Conn) write(p []byte) error {
	if len(p) == 0 {
		return c.rw.FlushError()
	}
	return c.rw.WriteFlush(p)
}

// drain is how long net/http may wait for the rest of a request, if the server has
// no ReadTimeout.
const drain = 10 * time.Second

// writeFirst writes with the header in front. On HTTP/1 net/http reads what is left
// of the request before it sends one.
func (c *Conn) writeFirst(p []byte) error {
	c.SendHeader()
	var until time.Time
	switch read, _ := c.serverTimeouts(); {
	case c.r.ProtoMajor != 1:
		return c.write(p)
	case !c.hasBody():
	case read > 0:
		return c.write(p) // net/http takes that deadline away when it has read the body
	default:
		until = c.Last().Add(drain)
		_ = c.rw.SetReadDeadline(until)
	}
	err := c.write(p)
	// A deadline would be taken for the end of the client. But one that has passed
	// keeps net/http from waiting for the body once more, at the end.
	if err == nil && (until.IsZero() || time.Now().Before(until)) {
		_ = c.rw.SetReadDeadline(time.Time{})
	}
	return err
}

// hasBody reports whether the request may have a body that was not read.
func (c *Conn) hasBody() bool {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return false
	}
	_, read := c.r.Body.(reqbody.InMemory)
	return !read
}

// serverTimeouts returns the ReadTimeout and the WriteTimeout of the server, 0 for
// none.
func (c *Conn) serverTimeouts() (read, write time.Duration) {
	if server, ok := c.r.Context().Value(http.ServerContextKey).(*http.Server); ok {
		read, write = max(server.ReadTimeout, 0), max(server.WriteTimeout, 0)
	}
	return read, write
}

// SendHeader commits the header, with what keeps everything on the way to the
// client from storing, compressing or buffering the stream. It is the whole
// answer to a HEAD request.
func (c *Conn) SendHeader() {
	respw.Commit(c.w, func(h http.Header) int {
		values := [...]string{c.mime, "no", "no-cache, no-transform"}
		h["Content-Type"] = values[0:1:1]
		h["X-Accel-Buffering"] = values[1:2:2] // nginx
		if h.Get("Cache-Control") == "" {
			h["Cache-Control"] = values[2:3:3]
		}
		delete(h, "Content-Length")
		return http.StatusOK
	})
}

// IsOpen reports whether the header is out.
func (c *Conn) IsOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Last returns when the last flush began. The caller is the only one to write.
func (c *Conn) Last() time.Time { return c.began.Add(c.last) }

// Shut makes every later write fail. It waits for one that is under way. A
// stream on which nothing was sent, but which is to end in good order, gets
// its header. What net/http still has to send has the time of one more flush,
// or the server's WriteTimeout if flushes have no bound.
func (c *Conn) Shut(inGoodOrder bool) {
	c.StopBeat()
	c.mu.Lock()
	defer c.mu.Unlock()
	if inGoodOrder && !c.open && c.r.Context().Err() == nil {
		_ = c.put(nil)
	}
	if inGoodOrder && c.beaten && c.mime == EventStream && c.err == nil {
		_ = c.put([]byte(Parting))
	}
	if c.err != nil {
		return
	}
	c.err = errShut
	if !c.open || c.r.ProtoMajor != 1 {
		return
	}
	c.last = time.Since(c.began)
	if _, write := c.serverTimeouts(); c.timeout == 0 && write > 0 {
		_ = c.rw.SetWriteDeadline(c.Last().Add(write))
	}
	c.arm()
}

var errShut = errors.New("stream: write after the handler returned, or after Close")
