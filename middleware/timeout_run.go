package middleware

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"runtime/debug"
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
// The handler writes through a response.Writer with a response.Fence: read the states above
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

// bounded is a handler under a Timeout.
type bounded struct {
	next http.Handler
	cfg  TimeoutConfig
	says bool // pass OnError and Logger to the handler
}

// A timeout is one request under a Timeout, in one allocation: of at most 888 bytes,
// since the next size class is 1024.
type timeout struct {
	*bounded
	w       response.Writer
	fence   response.Fence
	ctx     deadline
	outside *http.Request // as the Timeout received it
	header  http.Header   // the header of outside, if a hook may read it
	inside  http.Request  // as the handler received it
	url     url.URL       // of inside
	alarm   *alarm
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
func (b *bounded) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	t, w := b.begin(w, r)
	if t.detached {
		t.serveDetached(w)
	} else {
		t.serve(w)
	}
}

// begin sets up a request. It is a method, because in a closure WithContext might not
// be inlined, and would allocate. It returns before the handler runs, because its copy
// of the request is large for a stack.
func (b *bounded) begin(w http.ResponseWriter, r *http.Request) (*timeout, http.ResponseWriter) {
	t := &timeout{bounded: b, outside: r}
	w = t.w.Init(w, r)
	t.w.Fence(&t.fence, t)
	t.detached = !t.w.Flushes() || r.ProtoMajor >= 2
	t.fence.Context = &t.ctx
	t.ctx.Attach(r.Context(), exchange.Find(r.Context()))
	if b.says {
		t.ctx.Say(b.cfg.OnError, b.cfg.Logger)
	}
	t.ctx.Set(exchange.Deadline, t)
	t.ctx.start, t.ctx.fence, t.ctx.moves = time.Now(), &t.fence, b.cfg.Mode != TimeoutTotal
	t.ctx.after.Store(int64(b.cfg.Duration))
	t.inside = *r.WithContext(&t.ctx)
	t.part()
	t.ctx.Leave(w, &t.inside)
	t.decided.Add(1)
	t.takeAlarm()
	return t, w
}

// part keeps the handler from changing what another goroutine reads: reading a map
// during a write ends the process. A handler that may be abandoned has a header of its
// own. For one in place a hook gets a copy, in a pooled map: a new map would cost a GET
// through the whole chain 3% of its time. The default hook reads no header.
func (t *timeout) part() {
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

// asked returns the request for a hook.
func (t *timeout) asked() *http.Request {
	if t.header == nil {
		return t.outside
	}
	r := t.outside.WithContext(t.outside.Context())
	r.Header = t.header
	return r
}

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

// parting is how long a handler may take to return after its deadline. Layers outside
// may reuse its data as soon as ServeHTTP has returned, as chi does with its routing
// context, so a handler that watches its context is not abandoned. The client has the
// whole response by then, except for the end of the stream.
const parting = 100 * time.Millisecond

// serveDetached runs the handler on a goroutine of its own.
func (t *timeout) serveDetached(w http.ResponseWriter) {
	returned, ended := false, make(chan struct{})
	var value any = http.ErrAbortHandler // for runtime.Goexit, which ends without a panic
	go func() {
		defer close(ended)
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				value = &problem.Panic{Value: v, Stack: debug.Stack()}
			}
			if t.settle() {
				return
			}
			// No outer layer will remove them.
			exchange.RemoveFiles(&t.inside, t.outside.MultipartForm)
			if value != http.ErrAbortHandler {
				problem.LogPanic(t.cfg.Logger, &t.inside, value)
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
			case <-time.After(parting):
			}
			response.Before("part")
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
		t.dropAlarm()
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
		look := t.fence.Look()
		after := time.Duration(t.ctx.after.Load())
		if look.Over() || after == 0 {
			return
		}
		now := time.Now()
		if left := after - now.Sub(t.ctx.start); left > 0 {
			t.setAlarm(left, now)
			return
		}
		if t.goesOn(look) {
			return
		}
		t.gone.Store(t.outside.Context().Err() != nil)
		switch t.fence.Take(look) {
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

// goesOn reports whether the mode lets the handler continue, and sets the next check.
func (t *timeout) goesOn(look response.Look) bool {
	switch t.cfg.Mode {
	case TimeoutFirstByte:
		if t.fence.Progress() > 0 {
			return t.moveTo(-1) == nil
		}
	case TimeoutIdle:
		if progress := t.fence.Progress(); t.seen.Swap(progress) != progress {
			return t.moveTo(t.cfg.Duration) == nil
		}
	}
	return false
}

// Taken handles a response that was taken from the handler in the phase was. No call is
// inside. It calls foreign code, which may panic or block: no lock is held.
func (t *timeout) Taken(was response.Phase) {
	defer t.decided.Done() // even if a hook calls runtime.Goexit
	defer t.dropAlarm()
	response.Before("taken")
	if t.stuck != nil {
		t.stuck.Stop()
	}
	err := &TimeoutError{Duration: t.cfg.Duration, retryAfter: t.cfg.RetryAfter}
	// First, since moving the read deadline makes net/http cancel the request.
	t.ctx.end(expired(err))
	inner, logs, lost := t.w.Unwrap(), !t.gone.Load(), false
	response.Safely(func() { lost = response.Lost(inner) })
	if lost || was == response.Sent && t.w.Complete() {
		// A layer further out has responded, or the handler has.
		rc := http.NewResponseController(inner)
		response.Safely(func() { _ = rc.Flush() })
		// A Hurry, or one of a Timeout further in, may have set a deadline, which
		// net/http would keep for the next response on the connection.
		response.Safely(func() { _ = rc.SetWriteDeadline(time.Time{}) })
		return
	}
	t.cut = true // until a whole response is sent: no part may pass for one
	defer func() {
		if t.cut {
			t.w.CutOff(!t.detached)
		}
		if logs {
			problem.Log(t.cfg.Logger, t.outside, http.StatusGatewayTimeout, err, slog.Bool("severed", t.cut))
		}
	}()
	if was != response.Sent {
		response.Safely(func() { t.w.Restore(was) })
		response.Safely(func() { logs = t.answer(inner, err) && logs })
	}
}

// answer sends the whole response at once. It reports whether that is left to log: the
// client can have it, and no panic of the hook was logged.
func (t *timeout) answer(w http.ResponseWriter, err error) bool {
	rc := http.NewResponseController(w)
	m, logged := problem.Answer(w, w.Header(), t.asked(), err, t.cfg.OnError, t.cfg.Logger)
	if t.outside.ProtoMajor < 2 {
		m.Header().Set("Connection", "close")
	}
	// Only now: the hook may have been slow, and this cancels its request.
	response.Safely(func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }) // of a handler stuck reading the body
	response.Safely(func() { _ = rc.SetWriteDeadline(time.Now().Add(response.Grace)) })
	head := t.outside.Method == http.MethodHead
	lost := m.Send(w, head)
	t.cut = false
	var flushed error
	response.Safely(func() { flushed = rc.Flush() }) // if it panics, the response is sent when the handler returns
	// HTTP/2 ends the stream of a HEAD after its header, and returns an error. A
	// Timeout further out that has also expired finds the response complete, and
	// flushes it.
	whole := flushed == nil || errors.Is(flushed, http.ErrNotSupported) || errors.Is(flushed, http.ErrHandlerTimeout)
	return !logged && (head || lost == nil && whole)
}

// warn logs why a client has no response: a foreign writer does not return.
func (t *timeout) warn() {
	response.Safely(func() {
		problem.LoggerFor(t.cfg.Logger, t.outside).LogAttrs(t.outside.Context(), slog.LevelWarn,
			"apiece: a ResponseWriter blocks and has no deadline for writing, so a timeout cannot answer",
			slog.String("method", t.outside.Method),
			slog.String("path", t.outside.URL.Path),
			slog.String("writer", fmt.Sprintf("%T", t.w.Unwrap())))
	})
}

// outer returns the Timeout around this one, or nil. It is looked up on demand, since
// few handlers move a deadline.
func (t *timeout) outer() exchange.Extender {
	outer, _ := exchange.Get[exchange.Extender](t.outside, exchange.Deadline)
	return outer
}

// Extend implements exchange.Extender.
func (t *timeout) Extend(d time.Duration) error {
	if outer := t.outer(); outer != nil {
		if err := outer.AtLeast(d); err != nil {
			return err
		}
	}
	return t.moveTo(d)
}

// AtLeast implements exchange.Extender.
func (t *timeout) AtLeast(d time.Duration) error {
	if outer := t.outer(); outer != nil {
		if err := outer.AtLeast(d); err != nil {
			return err
		}
	}
	after := time.Duration(t.ctx.after.Load())
	if after != 0 && (d < 0 || after-time.Since(t.ctx.start) < d) {
		return t.moveTo(d)
	}
	if t.fence.Look().Late() {
		return http.ErrHandlerTimeout
	}
	return nil
}

// EndsWithin implements exchange.Extender.
func (t *timeout) EndsWithin(d time.Duration) bool {
	return t.cfg.Mode == TimeoutTotal && t.cfg.Duration <= d && t.ctx.after.Load() == int64(t.cfg.Duration)
}

// moveTo sets the deadline to d from now; a negative d lifts it. A timer that has
// already checked checks again.
func (t *timeout) moveTo(d time.Duration) error {
	now := time.Now()
	after := int64(0)
	if d >= 0 {
		passed := now.Sub(t.ctx.start)
		after = int64(max(passed+min(d, math.MaxInt64-passed), 1)) // 0 is none
	}
	t.ctx.after.Store(after)
	if !t.fence.Moved() {
		return http.ErrHandlerTimeout
	}
	if d >= 0 {
		t.setAlarm(d, now)
	}
	return nil
}
