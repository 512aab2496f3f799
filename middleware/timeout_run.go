package middleware

import (
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// How it works.
//
// The handler writes through a response.Writer with a response.Guard: read the states above
// response.Phase first. It has a header of its own, and the start of its response is held
// back, as in net/http. At the deadline a timer takes the response, unless a call is
// inside the server's writer; then the last call to leave takes it. From then on the
// handler's calls fail with http.ErrHandlerTimeout. Whichever goroutine took the
// response ends the context, sets a read deadline to free a handler that is blocked
// reading the body, and sends a response if nothing was sent, or cuts the connection.
//
// In place, on HTTP/1, the handler runs on the goroutine that net/http called, as
// without a Timeout: its panics keep their stack, and no goroutine starts before the
// deadline. The 504 declares its length and closes the connection, so the client has
// all of it although the handler has not returned.
//
// Detached, the handler gets a goroutine of its own and may be abandoned: on HTTP/2,
// where a stream ends when the handler of net/http returns, and inside a writer that
// cannot flush, which sends the response only then.
//
// The timer is in timeout_timer.go, the context that it ends in timeout_context.go, what
// the client gets then in timeout_response.go, and moving the deadline in
// timeout_extend.go.

// A timeoutHandler is a handler under a Timeout.
type timeoutHandler struct {
	next   http.Handler
	cfg    TimeoutConfig
	passes bool // OnError and Logger, to everything inside
}

// A timeout is one request under a Timeout, in one allocation: of at most 888 bytes,
// since the next size class is 1024.
type timeout struct {
	*timeoutHandler
	w       response.Writer
	guard   response.Guard
	ctx     timeoutContext
	outside *http.Request // as the Timeout received it
	header  http.Header   // the header of outside, if a hook may read it
	inside  http.Request  // as the handler received it
	url     url.URL       // of inside
	timer   *sharedTimer
	seen    atomic.Int64 // TimeoutIdle: the progress at the last check
	stuck   *time.Timer  // warns of a call that does not leave

	// decided is done when the handler has settled, or when the response was taken and
	// handled. was, inTime and cut are written before.
	decided  sync.WaitGroup
	gone     atomic.Bool // at the deadline the client had gone, or a Timeout further out had ended
	detached bool
	was      response.Phase // when the handler settled
	inTime   bool
	cut      bool // the connection cannot be used any more
}

// ServeHTTP runs the handler.
func (h *timeoutHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, w := h.begin(w, r)
	if t.detached {
		t.serveDetached(w)
	} else {
		t.serve(w)
	}
}

// begin sets up a request. It is a method, because in a closure WithContext might not
// be inlined, and would allocate. It returns before the handler runs, because its copy
// of the request is large for a stack.
func (h *timeoutHandler) begin(w http.ResponseWriter, r *http.Request) (*timeout, http.ResponseWriter) {
	t := &timeout{timeoutHandler: h, outside: r}
	w = t.w.Init(w, r)
	t.w.Guard(&t.guard, t)
	t.detached = !t.w.Flushes() || r.ProtoMajor >= 2
	t.guard.Context = &t.ctx
	t.ctx.Attach(r.Context(), exchange.Find(r.Context()))
	if h.passes {
		t.ctx.SetDefaults(h.cfg.OnError, h.cfg.Logger)
	}
	t.ctx.Set(exchange.Deadline, t)
	t.ctx.start, t.ctx.guard, t.ctx.moves = time.Now(), &t.guard, h.cfg.Mode != TimeoutTotal
	t.ctx.after.Store(int64(h.cfg.Duration))
	t.inside = *r.WithContext(&t.ctx)
	t.isolate()
	t.ctx.SetWriter(w, &t.inside)
	t.decided.Add(1)
	t.takeTimer()
	return t, w
}

// isolate keeps the handler from changing what another goroutine reads: reading a map
// during a write ends the process. A handler that may be abandoned has a header of its
// own. For one in place a hook gets a copy, in a pooled map: a new map would cost a GET
// through the whole chain 3% of its time. The default hook reads no header.
func (t *timeout) isolate() {
	if t.outside.URL != nil {
		t.url = *t.outside.URL
		t.inside.URL = &t.url
	}
	switch {
	case t.detached:
		t.inside.Header = make(http.Header, len(t.outside.Header))
		copyHeader(t.inside.Header, t.outside.Header)
	case t.cfg.OnError != nil || t.ctx.OnError != nil:
		t.header = headers.Get().(http.Header)
		copyHeader(t.header, t.outside.Header)
	}
}

// copyHeader copies src to dst. Values appended to one do not show in the other.
func copyHeader(dst, src http.Header) {
	for name, values := range src {
		dst[name] = slices.Clip(values)
	}
}

var headers = sync.Pool{New: func() any { return make(http.Header) }}

// serve runs the handler in place.
func (t *timeout) serve(w http.ResponseWriter) {
	returned := false
	defer func() {
		t.settle()
		t.await()
		exchange.HandBack(t.outside, &t.inside)
		t.conclude(returned)
	}()
	t.next.ServeHTTP(w, &t.inside)
	returned = true
}

// returnGrace is how long a handler may take to return after its deadline. Layers outside
// may reuse its data as soon as ServeHTTP has returned, as chi does with its routing
// context, so a handler that watches its context is not abandoned. The client has the
// whole response by then, except for the end of the stream.
const returnGrace = 100 * time.Millisecond

// serveDetached runs the handler on a goroutine of its own.
func (t *timeout) serveDetached(w http.ResponseWriter) {
	returned, ended := false, make(chan struct{})
	var value any = http.ErrAbortHandler // for runtime.Goexit, which ends without a panic
	go func() {
		defer close(ended)
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				value = problem.NewPanic(v)
			}
			if t.settle() {
				return
			}
			// No outer layer will remove them.
			exchange.RemoveFiles(&t.inside, t.outside.MultipartForm)
			if value != http.ErrAbortHandler {
				problem.LogLatePanic(t.cfg.Logger, &t.inside, value)
			}
		}()
		t.next.ServeHTTP(w, &t.inside)
		returned = true
	}()
	t.await()
	if !t.inTime { // the handler owns its request and its outcome
		if t.w.Flushes() { // otherwise the response is sent only now
			select {
			case <-ended:
			case <-time.After(returnGrace):
			}
			response.Before("return")
		}
		t.conclude(true)
		return
	}
	exchange.HandBack(t.outside, &t.inside)
	t.conclude(returned)
	if !returned {
		panic(value)
	}
}

// await waits until it is decided who owns the response, and that side is done.
func (t *timeout) await() {
	response.Before("wait")
	t.decided.Wait()
}

// settle ends the handler's part. It reports whether that was in time.
func (t *timeout) settle() bool {
	was, ok := t.w.Settle()
	if ok {
		t.was, t.inTime = was, true
		t.ctx.end(canceled)
		t.returnTimer()
		if t.header != nil && len(t.header) <= 32 {
			clear(t.header)
			headers.Put(t.header)
		}
		t.decided.Done()
	}
	return ok
}

// conclude ends the serving goroutine's part.
func (t *timeout) conclude(returned bool) {
	cut := t.cut
	if t.inTime {
		cut = t.finish(returned)
	}
	// Otherwise a panic is already in progress, which says more, or a Timeout further
	// out has responded, and a panic could cost the client that response.
	if cut && returned && !response.Lost(t.w.Unwrap()) {
		response.Abort(t.w.Unwrap(), t.outside)
	}
}

// finish reports whether the end of the response could not be sent. A panic comes from
// a foreign writer, where no layer inside can handle it any more.
func (t *timeout) finish(returned bool) (cut bool) {
	defer func() {
		if v := recover(); v != nil {
			cut = true
			if v != http.ErrAbortHandler {
				problem.LogPanic(t.cfg.Logger, t.outside, v)
			}
		}
	}()
	return t.w.Finish(t.was, returned) != nil
}

// expire is the timer's callback. It never blocks.
func (t *timeout) expire() {
	for {
		look := t.guard.Look()
		after := time.Duration(t.ctx.after.Load())
		if look.Over() || after == 0 {
			return
		}
		now := time.Now()
		if left := after - now.Sub(t.ctx.start); left > 0 {
			t.setTimer(left, now)
			return
		}
		if t.mayContinue() {
			return
		}
		t.gone.Store(t.outside.Context().Err() != nil)
		switch t.guard.Take(look) {
		case response.Mine:
			t.Taken(look.Phase())
			return
		case response.Inside:
			t.stuck = time.AfterFunc(2*response.Grace, t.warn)
			t.w.Hurry(response.Grace)
			return
		case response.Marked:
			return
		}
	}
}
