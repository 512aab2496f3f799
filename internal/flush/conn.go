package flush

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
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
}

// Conn is a response that is written and flushed bit by bit: the header that
// waits for the first write, and the deadline around each flush.
//
// It goes through three states. Prepare makes it prepared: it is known that the
// response can be a stream, nothing is lifted, and an error can be answered as
// for any other response. Start lifts what limits the response; the first
// write does that if it was not done before. The first write opens it: it sends
// the header.
type Conn struct {
	w       http.ResponseWriter
	control http.ResponseController
	r       *http.Request
	ctx     context.Context
	mime    string
	timeout time.Duration // for one flush, 0 is none

	mu      sync.Mutex
	started bool      // limits are lifted
	open    bool      // the header is out
	last    time.Time // when the last flush began
	err     error     // what every write returns from now on
}

// Prepare looks whether the response to r can be a stream. Neither is anything
// sent nor a limit lifted. The error is ErrHead for a HEAD request. Whatever it
// is, Refuse answers it.
func (c *Conn) Prepare(w http.ResponseWriter, r *http.Request, cfg Config) error {
	// Wrapped, w knows whether a header is out, and shows by its methods
	// whether anything below it can flush.
	rw, w := respw.Wrap(w, r)
	c.w, c.r, c.ctx, c.mime = w, r, r.Context(), cfg.MediaType
	c.timeout = setting.Or(cfg.WriteTimeout, 10*time.Second)
	if r.Method == http.MethodHead {
		return ErrHead
	}
	if _, ok := w.(http.Flusher); !ok {
		return errors.New("stream: the ResponseWriter cannot flush: a wrapper hides http.Flusher and has no Unwrap method")
	}
	if rw.Committed() {
		return errors.New("stream: the response has begun already")
	}
	c.control = *http.NewResponseController(w)
	if cfg.Until != nil {
		ctx, cancel := context.WithCancelCause(c.ctx)
		stop := context.AfterFunc(cfg.Until, func() { cancel(errUntil) })
		context.AfterFunc(ctx, func() { stop() })
		c.ctx = ctx
	}
	return nil
}

// Start makes a stream of the response, which from now on is exempt from limits
// on time and size. Nothing is sent yet. The error is that of a deadline that
// has passed.
func (c *Conn) Start() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.start()
}

func (c *Conn) start() error {
	if c.started {
		return nil
	}
	if deadline, ok := exchange.Get[exchange.Extender](c.r, exchange.Deadline); ok {
		if err := deadline.Extend(-1); err != nil {
			return err
		}
	}
	respw.Stream(c.w)
	c.started = true
	// The deadlines of the server would end the stream, however lively it is:
	// the one for writing, and the one for reading as well, because net/http
	// takes a connection that cannot be read for a client that is gone.
	c.arm(time.Time{})
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
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	return c.put(p)
}

// Put writes p and flushes, even if the context has ended. The caller is the
// only one to write: no lock is taken.
func (c *Conn) Put(p []byte) error { return c.put(p) }

// put writes p and flushes. The caller holds mu, or is the only one to write.
func (c *Conn) put(p []byte) error {
	if c.err != nil {
		return c.err
	}
	if err := c.start(); err != nil {
		return err
	}
	c.last = time.Now()
	if c.timeout > 0 {
		c.arm(c.last.Add(c.timeout))
	}
	if err := c.write(p); err != nil {
		c.err = Gone(err)
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

func (c *Conn) write(p []byte) error {
	if !c.open {
		c.SendHeader()
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
func (c *Conn) arm(t time.Time) {
	if err := c.control.SetWriteDeadline(t); err != nil {
		c.timeout = 0 // a recorder, for one, has no deadlines
		return
	}
	if !c.open {
		_ = c.control.SetReadDeadline(t)
	}
}

// SendHeader commits the header, with what keeps everything on the way to the
// client from storing, compressing or buffering the stream. It is the whole
// answer to a HEAD request.
func (c *Conn) SendHeader() {
	h := c.w.Header()
	h.Set("Content-Type", c.mime)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-cache, no-transform")
	}
	h.Set("X-Accel-Buffering", "no") // nginx
	h.Del("Content-Length")
	c.w.WriteHeader(http.StatusOK)
}

// IsOpen reports whether the header is out.
func (c *Conn) IsOpen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// Last returns when the last flush began. The caller is the only one to write.
func (c *Conn) Last() time.Time { return c.last }

// Shut makes every later write fail. It waits for one that is under way. A
// stream on which nothing was sent, but which is to end in good order, gets
// its header.
func (c *Conn) Shut(inGoodOrder bool) {
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
