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
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// How it works.
//
// The handler writes through a respw.Writer with a respw.Fence: read the states
// above respw.Phase first. Its header is its own, and the start of its response
// is held back, as net/http does. When the time is up a timer takes the response,
// unless a call is inside the server's writer; then the last call to leave takes
// it. From then on the handler's calls fail with http.ErrHandlerTimeout. The one that
// has taken the response ends the context, frees a handler that is stuck reading
// the body by the deadline of the connection, and sends a response of its own
// if nothing was sent, or cuts the connection.
//
// In place, on HTTP/1, the handler runs on the goroutine that net/http called, as
// without a Timeout: its panics keep their stack, and nothing is started until
// the time is up. The 504 declares its length and closes the connection, so the
// client has all of it although the handler has not returned.
//
// Detached, the handler gets a goroutine of its own and may be left behind: on
// HTTP/2, where a stream ends when the handler of net/http returns, and behind
// a writer that cannot flush, whose response leaves only then.

// bounded is a handler under a Timeout.
type bounded struct {
	next http.Handler
	cfg  TimeoutConfig
	says bool // the handler is to know OnError and Logger
}

// A timeout is one request under a Timeout, in one allocation: of at most 888 bytes,
// or it would take 1024.
type timeout struct {
	*bounded
	w       respw.Writer
	fence   respw.Fence
	ctx     deadline
	outside *http.Request // as the Timeout got it
	header  http.Header   // what its header was, if a hook may ask
	inside  http.Request  // as the handler got it
	url     url.URL       // of inside
	alarm   *alarm
	seen    atomic.Int64 // TimeoutIdle: the progress at the last look
	stuck   *time.Timer  // warns of a call that does not leave

	// decided is done when the handler has settled or the response was taken and
	// seen to. was, inTime and cut are written before.
	decided  sync.WaitGroup
	gone     atomic.Bool // at the deadline the client had gone, or a Timeout further out had ended
	detached bool
	was      respw.Phase // when the handler settled
	inTime   bool
	cut      bool // the connection is of no more use
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

// begin sets up what a request needs. It is a method: in a closure WithContext
// might not be inlined, and then costs an allocation. And it is over when the
// handler runs, since the copy of a request that it makes is large for a stack.
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

// part sees to it that the handler changes nothing that is read on another
// goroutine: reading a map that is being changed ends the process. A handler that may
// be left behind has a header of its own. Of one in place a hook gets a copy, whose
// map is pooled: a new one would cost a GET of the whole chain 3% of its time. The
// kit's own hook reads no header.
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

// copyHeader copies src to dst. Values that are added to one are not to the other.
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

// parting is how long a handler whose time is up may take to return. Layers outside
// may take back what it uses as soon as ServeHTTP has returned, as chi does with its
// routing context, so one that looks at its own context is not left behind. The
// client has all of the response by then, and lacks only the end of the stream.
const parting = 100 * time.Millisecond

// serveDetached runs the handler on a goroutine of its own.
func (t *timeout) serveDetached(w http.ResponseWriter) {
	returned, ended := false, make(chan struct{})
	var value any = http.ErrAbortHandler // of runtime.Goexit, which ends without a panic
	go func() {
		defer close(ended)
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				value = &httperr.Panic{Value: v, Stack: debug.Stack()}
			}
			if t.settle() {
				return
			}
			// No layer is left to hand anything to.
			exchange.RemoveFiles(&t.inside, t.outside.MultipartForm)
			if value != http.ErrAbortHandler {
				httperr.LogPanic(t.cfg.Logger, &t.inside, value)
			}
		}()
		t.next.ServeHTTP(w, &t.inside)
		returned = true
	}()
	t.await()
	if !t.inTime { // the handler owns its request, and what became of it
		if t.w.Flushes() { // else the response leaves only now
			select {
			case <-ended:
			case <-time.After(parting):
			}
			respw.Before("part")
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

// await waits until it is decided whose response it is, and that has been seen to.
func (t *timeout) await() {
	respw.Before("wait")
	t.decided.Wait()
}

// settle is the end of the handler's part. It reports whether that was in time.
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

// conclude is the end of the serving goroutine's part.
func (t *timeout) conclude(returned bool) {
	cut := t.cut
	if t.inTime {
		cut = t.finish(returned)
	}
	// Else a panic is on its way, which says more, or a Timeout further out has
	// answered, and a panic could cost the client that.
	if cut && returned && !respw.Lost(t.w.Unwrap()) {
		respw.Abort(t.w.Unwrap(), t.outside)
	}
}

// finish reports whether the end of the response could not be sent. A panic is one of
// a writer of others, to which no layer inside can do anything any more.
func (t *timeout) finish(returned bool) (cut bool) {
	defer func() {
		if v := recover(); v != nil {
			cut = true
			if v != http.ErrAbortHandler {
				httperr.LogPanic(t.cfg.Logger, t.outside, v)
			}
		}
	}()
	return t.w.Finish(t.was, returned) != nil
}

// expire is the timer's callback. It waits for nothing.
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
		case respw.Mine:
			t.Taken(look.Phase())
			return
		case respw.Inside:
			t.stuck = time.AfterFunc(2*respw.Grace, t.warn)
			t.w.Hurry(respw.Grace)
			return
		case respw.Marked:
			return
		}
	}
}

// goesOn reports whether the mode lets the handler go on, and sees to how long.
func (t *timeout) goesOn(look respw.Look) bool {
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

// Taken sees to a response that was taken from the handler in the phase was. No
// call is inside. All of others that it calls may panic and may take its time:
// no lock is held.
func (t *timeout) Taken(was respw.Phase) {
	defer t.decided.Done() // even if a hook calls runtime.Goexit
	defer t.dropAlarm()
	respw.Before("taken")
	if t.stuck != nil {
		t.stuck.Stop()
	}
	err := &TimeoutError{Duration: t.cfg.Duration, retryAfter: t.cfg.RetryAfter}
	// First of all, since moving the deadline for reading has net/http cancel the
	// request.
	t.ctx.end(expired(err))
	inner, logs, lost := t.w.Unwrap(), !t.gone.Load(), false
	respw.Safely(func() { lost = respw.Lost(inner) })
	if lost || was == respw.Sent && t.w.Complete() {
		// A layer further out has answered, or the handler has.
		rc := http.NewResponseController(inner)
		respw.Safely(func() { _ = rc.Flush() })
		// A Hurry, or that of a Timeout further in, may have set one, which
		// net/http would keep for the connection's next response.
		respw.Safely(func() { _ = rc.SetWriteDeadline(time.Time{}) })
		return
	}
	t.cut = true // until a whole response is out: nothing else must pass for one
	defer func() {
		if t.cut {
			t.w.CutOff(!t.detached)
		}
		if logs {
			httperr.Log(t.cfg.Logger, t.outside, http.StatusGatewayTimeout, err, slog.Bool("severed", t.cut))
		}
	}()
	if was != respw.Sent {
		respw.Safely(func() { t.w.Restore(was) })
		respw.Safely(func() { logs = t.answer(inner, err) && logs })
	}
}

// answer sends the whole response at once. It reports whether that is left to log:
// the client can have it, and no panic of the hook has left a record.
func (t *timeout) answer(w http.ResponseWriter, err error) bool {
	rc := http.NewResponseController(w)
	m, logged := httperr.Answer(w, w.Header(), t.asked(), err, t.cfg.OnError, t.cfg.Logger)
	if t.outside.ProtoMajor < 2 {
		m.Header().Set("Connection", "close")
	}
	// Only now: the hook may have taken its time, and its request would be cancelled.
	respw.Safely(func() { _ = rc.SetReadDeadline(time.Unix(1, 0)) }) // of a handler stuck reading the body
	respw.Safely(func() { _ = rc.SetWriteDeadline(time.Now().Add(respw.Grace)) })
	head := t.outside.Method == http.MethodHead
	lost := m.Send(w, head)
	t.cut = false
	var flushed error
	respw.Safely(func() { flushed = rc.Flush() }) // if it panics, the response leaves with the return of the handler
	// HTTP/2 has ended the stream of a HEAD after its header, and complains. A Timeout
	// further out whose time is up too finds the response whole, and flushes it.
	whole := flushed == nil || errors.Is(flushed, http.ErrNotSupported) || errors.Is(flushed, http.ErrHandlerTimeout)
	return !logged && (head || lost == nil && whole)
}

// warn says why a client has no response: a writer of others does not come back.
func (t *timeout) warn() {
	respw.Safely(func() {
		httperr.LoggerFor(t.cfg.Logger, t.outside).LogAttrs(t.outside.Context(), slog.LevelWarn,
			"apiece: a ResponseWriter blocks and has no deadline for writing, so a timeout cannot answer",
			slog.String("method", t.outside.Method),
			slog.String("path", t.outside.URL.Path),
			slog.String("writer", fmt.Sprintf("%T", t.w.Unwrap())))
	})
}

// outer returns the Timeout around this one, or nil. Few handlers move a deadline:
// so it is looked for then, and not kept for every request.
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
// looked before looks again.
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
