package flush

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/requestbody"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/setting"
)

// EventStream is the media type of server-sent events.
const EventStream = "text/event-stream"

// Config configures a Conn.
type Config struct {
	// MediaType is the Content-Type of the response.
	MediaType string
	// WriteTimeout bounds one flush. 0 is 10 seconds, negative disables it.
	WriteTimeout time.Duration
	// Until, if set, ends the context of the Conn when it is done.
	Until context.Context
	// Closes promises that Close is called before the handler returns. On HTTP/1 the
	// write deadline then stays set between two writes, and moves only when too little
	// time is left: a flush may take up to 1/32 more than WriteTimeout.
	Closes bool
}

// Conn is a response that is written and flushed in steps. It delays the header until
// the first write, and sets a deadline for each flush.
//
//	┌──────────┐ 1  ┌──────┐ 2  ┌──────┐
//	│ prepared ├───►│ open ├───►│ over │
//	└────┬─────┘    └──────┘    └──────┘
//	     └──────────────────────────▲ 3
//
//	1 the first write: the limits of the response are lifted, the header is sent
//	2 a write has failed, Cut, or Close
//	3 Close, or Refuse: another response, under all its original limits
//
// Until it is open no limit is lifted: the deadlines of the server and of a Timeout
// apply, and an error is rendered as for any other response.
type Conn struct {
	w             http.ResponseWriter
	rw            *response.Writer // below w
	r             *http.Request
	ctx           context.Context
	mediaType     string
	timeout       time.Duration     // for one flush, 0 disables it
	keepsDeadline bool              // the write deadline stays set between writes
	deadline      exchange.Extender // of the Timeout around the handler, if any

	mu            sync.Mutex
	unlimited     bool          // LiftLimits has succeeded
	open          bool          // the header is sent
	began         time.Time     // zero of last and writeDeadline: reading this clock is cheaper than time.Now
	last          time.Duration // when the last flush began
	writeDeadline time.Duration // if keepsDeadline
	err           error         // what every write returns from now on
	parts         chan struct{} // not nil while parts are being sent: closed after the last one
	heartbeat     *time.Timer   // nil without heartbeats
	inBlock       bool          // no blank line follows the last write
}

// Prepare checks whether the response to r can be a stream. It sends nothing and lifts
// no limit. The error is ErrHead for a HEAD request. Refuse responds to any of its
// errors.
func (c *Conn) Prepare(w http.ResponseWriter, r *http.Request, cfg Config) error {
	// Wrapped, w knows whether a header was sent, and its methods show whether any
	// writer below can flush.
	c.rw, c.w = response.Wrap(w, r)
	c.r, c.ctx, c.mediaType = r, r.Context(), cfg.MediaType
	c.began = time.Now()
	c.timeout = setting.Or(cfg.WriteTimeout, 10*time.Second)
	// On HTTP/2 a deadline that passes ends the stream, even if no write is in
	// progress.
	c.keepsDeadline = cfg.Closes && r.ProtoMajor == 1
	if r.Method == http.MethodHead {
		return ErrHead
	}
	if !c.rw.Flushes() {
		return errors.New("stream: the ResponseWriter cannot flush: a wrapper hides http.Flusher and has no Unwrap method")
	}
	if c.rw.Committed() {
		return errors.New("stream: the response has begun already")
	}
	// Looked up now: a heartbeat, on another goroutine, may open the stream.
	c.deadline, _ = exchange.Get[exchange.Extender](r, exchange.Deadline)
	if cfg.Until != nil {
		ctx, cancel := context.WithCancelCause(c.ctx)
		stop := context.AfterFunc(cfg.Until, func() { cancel(errUntil) })
		context.AfterFunc(ctx, func() { stop() })
		c.ctx = ctx
	}
	return nil
}

// Writer returns the writer of the response.
func (c *Conn) Writer() http.ResponseWriter { return c.w }

// Request returns the request that the response is for.
func (c *Conn) Request() *http.Request { return c.r }

// Context ends with the context of the request and with Config.Until.
func (c *Conn) Context() context.Context { return c.ctx }

// Send writes p, unless the stream has ended, and flushes.
func (c *Conn) Send(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.waitForParts(); err != nil {
		return err
	}
	return c.WriteAndFlush(p)
}

// waitForParts waits until no parts are being sent. The caller holds mu, which
// waitForParts unlocks while it waits.
func (c *Conn) waitForParts() error {
	for c.ctx.Err() == nil {
		ended := c.parts
		if ended == nil {
			return nil
		}
		c.mu.Unlock()
		select {
		case <-ended:
		case <-c.ctx.Done():
		}
		c.mu.Lock()
	}
	return context.Cause(c.ctx)
}

// Part is Send for one part of a message that no other write may interrupt. All parts
// come from one goroutine. After the first part, other senders wait for the last, for a
// Part that fails, or for Break.
func (c *Conn) Part(p []byte, first, last bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first {
		if err := c.waitForParts(); err != nil {
			return err
		}
		c.parts = make(chan struct{})
	}
	err := c.WriteAndFlush(p)
	if last || err != nil {
		c.endParts()
	}
	return err
}

// Break replaces the last Part if there will be none: after an incomplete message, no
// write succeeds.
func (c *Conn) Break() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = errBroken
	}
	c.endParts()
}

func (c *Conn) endParts() {
	close(c.parts)
	c.parts = nil
}

// WriteAndFlush is Send without the lock, even if the context has ended. The caller holds
// mu, or is the only writer.
func (c *Conn) WriteAndFlush(p []byte) error {
	if c.err != nil {
		return c.err
	}
	if err := c.LiftLimits(); err != nil {
		return err
	}
	c.last = time.Since(c.began)
	c.setWriteDeadline()
	write := c.write
	if !c.open {
		write = c.writeFirst
	}
	if err := write(p); err != nil {
		c.err = ClientGone(err)
		return c.err
	}
	c.open = true
	if len(p) > 0 {
		c.inBlock = !bytes.HasSuffix(p, blank)
	}
	if c.timeout > 0 && !c.keepsDeadline {
		_ = c.rw.SetWriteDeadline(time.Time{})
	}
	return nil
}

var blank = []byte("\n\n")

// LiftLimits removes the limits on the time and size of the response, as the first write
// would. It fails if a deadline has already passed. The caller holds mu, or is the only
// writer, and has decided that this is a stream.
func (c *Conn) LiftLimits() error {
	if c.unlimited {
		return nil
	}
	if c.deadline != nil {
		if err := c.deadline.Extend(-1); err != nil {
			return err
		}
	}
	c.unlimited = true
	response.Stream(c.w)
	if c.timeout == 0 {
		_ = c.rw.SetWriteDeadline(time.Time{})
	}
	return nil
}

// setWriteDeadline gives the next write its full time, and no more.
func (c *Conn) setWriteDeadline() {
	if c.timeout == 0 || c.keepsDeadline && c.writeDeadline-c.last >= c.timeout {
		return
	}
	c.writeDeadline = c.last + c.timeout
	if c.keepsDeadline {
		c.writeDeadline += c.timeout / 32
	}
	if c.rw.SetWriteDeadline(c.began.Add(c.writeDeadline)) != nil {
		c.timeout = 0 // a recorder, for one, has no deadlines
	}
}

// write writes and flushes: only a flush reliably detects that a client is gone, since
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

// writeFirst writes with the header in front. On HTTP/1 net/http reads the rest of the
// request before it sends a header.
func (c *Conn) writeFirst(p []byte) error {
	c.SendHeader()
	var until time.Time
	switch read, _ := c.serverTimeouts(); {
	case c.r.ProtoMajor != 1:
		return c.write(p)
	case !c.hasBody():
	case read > 0:
		return c.write(p) // net/http removes that deadline after reading the body
	default:
		until = c.Last().Add(drain)
		_ = c.rw.SetReadDeadline(until)
	}
	err := c.write(p)
	// A deadline would look like a client that has gone. But one that has passed keeps
	// net/http from waiting for the body again at the end.
	if err == nil && (until.IsZero() || time.Now().Before(until)) {
		_ = c.rw.SetReadDeadline(time.Time{})
	}
	return err
}

// hasBody reports whether the request may have an unread body.
func (c *Conn) hasBody() bool {
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return false
	}
	_, read := c.r.Body.(requestbody.InMemory)
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

// SendHeader commits the header, with fields that keep intermediaries from storing,
// compressing or buffering the stream. It is the whole response to a HEAD request.
func (c *Conn) SendHeader() {
	response.Commit(c.w, func(h http.Header) int {
		values := [...]string{c.mediaType, "no", "no-cache, no-transform"}
		h["Content-Type"] = values[0:1:1]
		h["X-Accel-Buffering"] = values[1:2:2] // nginx
		if h.Get("Cache-Control") == "" {
			h["Cache-Control"] = values[2:3:3]
		}
		delete(h, "Content-Length")
		return http.StatusOK
	})
}

// IsOpen reports whether the header is sent.
func (c *Conn) IsOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Last returns when the last flush began. The caller is the only writer.
func (c *Conn) Last() time.Time { return c.began.Add(c.last) }

// Cut ends an open stream so that the client sees that it is incomplete, whatever the
// handler does with err. Every later write fails with err.
func (c *Conn) Cut(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		c.err = err
	}
	if c.open {
		response.Cut(c.w, c.r)
	}
}

// Close makes every later write fail. It waits for a write in progress. A stream with no
// writes gets its header if it ends in good order. What net/http still has to send may
// take the time of one more flush, or the server's WriteTimeout if flushes are
// unbounded.
func (c *Conn) Close(inGoodOrder bool) {
	c.StopHeartbeat()
	c.mu.Lock()
	defer c.mu.Unlock()
	if inGoodOrder && !c.open && c.r.Context().Err() == nil {
		_ = c.WriteAndFlush(nil)
	}
	if inGoodOrder && c.inBlock && c.parts == nil && c.mediaType == EventStream && c.err == nil {
		_ = c.WriteAndFlush([]byte(FinalComment))
	}
	if c.err != nil {
		return
	}
	c.err = errClosed
	if !c.open || c.r.ProtoMajor != 1 {
		return
	}
	c.last = time.Since(c.began)
	if _, write := c.serverTimeouts(); c.timeout == 0 && write > 0 {
		_ = c.rw.SetWriteDeadline(c.Last().Add(write))
	}
	c.setWriteDeadline()
}
