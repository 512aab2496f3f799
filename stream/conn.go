package stream

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/respw"
)

// conn is a response that is written and flushed bit by bit. What Stream,
// Lines and the subscribers of a Hub have in common is here: the header that
// waits for the first write, and the deadline around each flush.
type conn struct {
	w       http.ResponseWriter
	control http.ResponseController
	r       *http.Request
	ctx     context.Context
	mime    string
	timeout time.Duration // for one flush, 0 is none

	mu   sync.Mutex
	open bool      // the header is out
	last time.Time // when the last flush began
	err  error     // what every write returns from now on
}

// start makes a stream of the response, which from now on is exempt from
// limits on time and size. Nothing is sent yet.
func (c *conn) start(w http.ResponseWriter, r *http.Request, mime string, cfg *Config) error {
	// Wrapped, w knows whether a header is out, and shows by its methods
	// whether anything below it can flush.
	rw, w := respw.Wrap(w, r)
	c.w, c.r, c.ctx, c.mime = w, r, r.Context(), mime
	if r.Method == http.MethodHead {
		return errHead
	}
	if _, ok := w.(http.Flusher); !ok {
		return errors.New("stream: the ResponseWriter cannot flush: a wrapper hides http.Flusher and has no Unwrap method")
	}
	if rw.Committed() {
		return errors.New("stream: the response has begun already")
	}
	if deadline, ok := exchange.Get[exchange.Extender](r, exchange.Deadline); ok {
		if err := deadline.Extend(-1); err != nil {
			return err
		}
	}
	respw.Stream(w)

	c.control = *http.NewResponseController(w)
	c.timeout = number(cfg.WriteTimeout, 10*time.Second)
	// The deadlines of the server would end the stream, however lively it is:
	// the one for writing, and the one for reading as well, because net/http
	// takes a connection that cannot be read for a client that is gone.
	c.arm(time.Time{})
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

// send writes p, unless the stream has ended, and flushes.
func (c *conn) send(p []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return c.put(p)
}

// put writes p and flushes. The caller holds mu, or is the only one to write.
func (c *conn) put(p []byte) error {
	if c.err != nil {
		return c.err
	}
	c.last = time.Now()
	if c.timeout > 0 {
		c.arm(c.last.Add(c.timeout))
	}
	if err := c.write(p); err != nil {
		c.err = &goneError{err}
		return c.err
	}
	// A deadline that stays armed would cancel an idle HTTP/2 stream when it
	// expires, although nothing is being written.
	if c.timeout > 0 {
		c.arm(time.Time{})
	}
	c.open = true
	return nil
}

func (c *conn) write(p []byte) error {
	if !c.open {
		c.commit()
	}
	if len(p) > 0 {
		if _, err := c.w.Write(p); err != nil {
			return err
		}
	}
	// Only Flush tells reliably that a client is gone: Write fills a buffer.
	return c.control.Flush()
}

// arm sets the write deadline, and the read deadline as long as the header is
// not out: before it sends one, net/http reads what is left of the request.
func (c *conn) arm(t time.Time) {
	if err := c.control.SetWriteDeadline(t); err != nil {
		c.timeout = 0 // a recorder, for one, has no deadlines
		return
	}
	if !c.open {
		_ = c.control.SetReadDeadline(t)
	}
}

// commit sends the header, with what keeps everything on the way to the client
// from storing, compressing or buffering the stream.
func (c *conn) commit() {
	h := c.w.Header()
	h.Set("Content-Type", c.mime)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache, no-transform")
	}
	h.Set("X-Accel-Buffering", "no") // nginx
	h.Del("Content-Length")
	c.w.WriteHeader(http.StatusOK)
}

// shut makes every later write fail. It waits for one that is under way. A
// stream on which nothing was sent, but which is to end in good order, gets
// its header.
func (c *conn) shut(inGoodOrder bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if inGoodOrder && !c.open && c.r.Context().Err() == nil {
		_ = c.put(nil)
	}
	if c.err == nil {
		c.err = errShut
	}
}

var errShut = errors.New("stream: write after the handler returned")
