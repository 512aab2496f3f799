package middleware

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// How it works.
//
// The handler writes through a fenced respw.Writer: its header is its own until
// it commits, and every call takes a lock. When the time is up a timer
// callback takes the lock, and from then on the handler's calls fail with
// http.ErrHandlerTimeout. The callback frees a handler that is stuck reading
// the body by moving the deadline of the connection, and then either writes
// the whole answer, if nothing was committed, or poisons the connection. The
// context ends last: a handler that waits for it, and then writes an answer of
// its own, must not get in between.
//
// On HTTP/1 the handler runs on the goroutine that net/http called, as without
// a Timeout: its panics keep their stack, the response writer stays valid for
// as long as it runs, and nothing is started until the time is up. The answer
// declares its length and closes the connection, so the client has all of it
// although the handler has not returned.
//
// On HTTP/2 a stream ends when the handler of net/http returns, whatever was
// written, so there the handler gets a goroutine of its own and may be left
// behind. Its panics are carried over with their stack.

// Timeout returns middleware that bounds the time a handler may take. It is
// Next's maxDuration, which Next.js leaves to the platform, enforced: when d is
// over the client has a complete 504, also if the handler ignores its context,
// or is stuck reading the body. If a part of the response is out by then, the
// connection is cut, so that the part cannot pass for the whole (on HTTP/1 it is
// hijacked, so Server.Shutdown does not wait for that handler); a response
// that is whole already stays.
//
// Nothing is buffered: handlers flush, hijack and stream as without it. The
// context of the request ends at the deadline with context.DeadlineExceeded;
// its cause is a [*TimeoutError]. What the handler writes later fails with
// http.ErrHandlerTimeout. A stream opened by package stream lifts the deadline,
// and so does a hijacked connection; a handler moves its own by [Extend].
// If several are nested the shortest holds.
//
// Behind a foreign wrapper that can neither flush nor be unwrapped, the answer
// on HTTP/1 leaves with the return of the handler. On HTTP/2 the handler runs
// on a goroutine of its own, and a panic reaches the layers outside as an
// error whose text has the handler's stack, and which unwraps to the value if
// that is an error.
//
// A d of 0 or less is no timeout, as in Next.js. One between 0 and a
// millisecond panics: it is a number of seconds without its unit.
func Timeout(d time.Duration) func(http.Handler) http.Handler {
	return TimeoutWith(TimeoutConfig{Duration: d})
}

// A TimeoutMode says what a [Timeout] bounds. Nest two to bound two things.
type TimeoutMode int

const (
	// TimeoutTotal is the time until the handler returns.
	TimeoutTotal TimeoutMode = iota
	// TimeoutFirstByte is the time until the header of the response is out. After
	// that the handler may take as long as it likes.
	TimeoutFirstByte
	// TimeoutIdle is the time without a byte being written. It is looked at once in a
	// Duration, so that a handler that has stopped writing is noticed after
	// one to two of them.
	TimeoutIdle
)

// A TimeoutConfig is a [Timeout] with more to say. The zero value is no timeout.
type TimeoutConfig struct {
	// Duration is how long the handler may take. 0 and less is for ever.
	Duration time.Duration

	// Mode says for what. 0 is [TimeoutTotal].
	Mode TimeoutMode

	// RetryAfter, if positive, becomes the Retry-After header of the answer,
	// in whole seconds, rounded up.
	RetryAfter time.Duration

	// OnError answers with a [*TimeoutError], whose status is 504. It runs while
	// the handler may still be running. Nil is that of the [Config] around it,
	// else a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger gets one record for each answer or cut, and one for each panic
	// of a handler that was left behind. Nil is slog.Default.
	Logger *slog.Logger
}

// Validate returns what is wrong with the config, nil if nothing is.
func (cfg TimeoutConfig) Validate() error {
	if cfg.Mode < TimeoutTotal || cfg.Mode > TimeoutIdle {
		return fmt.Errorf("middleware: unknown TimeoutMode %d", cfg.Mode)
	}
	if cfg.Duration > 0 && cfg.Duration < time.Millisecond {
		return fmt.Errorf("middleware: a timeout of %v is under a millisecond; is a unit missing, as in %d*time.Second?", cfg.Duration, cfg.Duration)
	}
	return nil
}

// TimeoutWith is [Timeout] with a config. It panics if the config is not valid.
func TimeoutWith(cfg TimeoutConfig) func(http.Handler) http.Handler {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	return func(next http.Handler) http.Handler {
		if cfg.Duration <= 0 {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			t := &timeout{cfg: &cfg, outside: r}
			w = t.w.Init(w, r)
			t.w.Fence()
			t.ctx.Context = r.Context()
			t.ctx.Inherit(r.Context())
			t.outer, _ = t.ctx.Get(exchange.Deadline).(exchange.Extender)
			t.ctx.Set(exchange.Deadline, t)
			t.start = time.Now()
			t.ctx.at = t.start.Add(cfg.Duration)
			t.inside = r.WithContext(&t.ctx)
			if r.ProtoMajor >= 2 {
				t.serveDetached(next, w)
			} else {
				t.serve(next, w)
			}
		})
	}
}

// A TimeoutError says that a handler took longer than a [Timeout] allows. It is
// what OnError is given, and the cause of the context that ended.
type TimeoutError struct {
	// Duration is the time that the Timeout was made for.
	Duration   time.Duration
	retryAfter time.Duration
}

// Error returns the text for the log.
func (e *TimeoutError) Error() string {
	return fmt.Sprintf("middleware: the handler did not answer within %v", e.Duration)
}

// StatusCode returns 504.
func (e *TimeoutError) StatusCode() int { return http.StatusGatewayTimeout }

// Timeout returns true, as for the errors of package net.
func (e *TimeoutError) Timeout() bool { return true }

// Answered returns true: who meets the error as the cause of a context need
// not answer it.
func (e *TimeoutError) Answered() bool { return true }

// Header returns the Retry-After field, if one was asked for.
func (e *TimeoutError) Header() http.Header {
	if e.retryAfter <= 0 {
		return nil
	}
	seconds := int64((e.retryAfter + time.Second - 1) / time.Second)
	return http.Header{"Retry-After": {strconv.FormatInt(seconds, 10)}}
}

// Extend moves the deadline of the handler that serves r to d from now; 0 is
// now, and a negative d lifts it. Timeouts further out that would end earlier
// are moved along. Call it before deriving contexts: one that was given a
// deadline of its own, later than that of r, has relied on the latter since. It
// returns http.ErrHandlerTimeout if the time is up, and an error matching
// http.ErrNotSupported if no [Timeout] is in force.
func Extend(r *http.Request, d time.Duration) error {
	t, ok := exchange.Get[exchange.Extender](r, exchange.Deadline)
	if !ok {
		return fmt.Errorf("middleware: no Timeout is in force: %w", http.ErrNotSupported)
	}
	return t.Extend(d)
}

// A timeout is one request under a Timeout: writer, context and fate in one
// allocation.
type timeout struct {
	cfg     *TimeoutConfig
	w       respw.Writer
	ctx     deadline
	outside *http.Request     // as the Timeout got it
	inside  *http.Request     // as the handler got it
	outer   exchange.Extender // the Timeout around this one, or nil

	// turn is held by whoever decides the fate of the response: the callback
	// for as long as it answers, the handler's goroutine when it is done.
	turn  sync.Mutex
	start time.Time
	alarm *alarm
	seen  int64 // TimeoutIdle: the progress at the last look
	fate  fate
	gone  chan struct{} // HTTP/2: closed when the handler is left behind
}

type fate int

const (
	open     fate = iota
	finished      // the handler was in time
	whole         // its response was, but it is still at work
	answered      // the client has a 504
	severed       // the client has a part of the handler's response
)

// serve runs the handler where it is.
func (t *timeout) serve(next http.Handler, w http.ResponseWriter) {
	t.setAlarm()
	returned := false
	defer func() {
		fate := t.settle()
		exchange.HandBack(t.outside, t.inside)
		if returned { // else a panic is on its way, which says more than ours
			t.conclude(fate)
		}
	}()
	next.ServeHTTP(w, t.inside)
	returned = true
}

// settle is called when the handler is done. It waits for a callback that is
// answering; one that comes later finds the response finished.
func (t *timeout) settle() fate {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.fate == open {
		t.fate = finished
	}
	t.unsetAlarm()
	t.ctx.decide(context.Canceled, nil)
	t.ctx.announce()
	return t.fate
}

// conclude ends the serving goroutine's part.
func (t *timeout) conclude(f fate) {
	switch f {
	case finished:
		t.w.Finish()
	case severed:
		panic(http.ErrAbortHandler)
	}
}

// grace is how long the client may take to receive the few hundred bytes of an
// answer, and a write that is under way to come to its end.
const grace = time.Second

// expire is the timer's callback.
func (t *timeout) expire() {
	t.turn.Lock()
	defer t.turn.Unlock()
	at, now := t.ctx.limit(), time.Now()
	if t.fate != open || at.IsZero() || t.w.Hijacked() {
		return // done, lifted, or none of our business any more
	}
	if now.Before(at) {
		t.moveAlarm(at, now)
		return
	}
	if t.goesOn() {
		return
	}
	err := &TimeoutError{Duration: t.cfg.Duration, retryAfter: t.cfg.RetryAfter}
	// A client that has gone is not waiting for an answer, and a Timeout
	// further out gives its own.
	alone := t.outside.Context().Err() == nil
	taken := t.w.Cut(grace,
		func() { t.ctx.decide(context.DeadlineExceeded, err) },
		func(w http.ResponseWriter) { alone = t.answer(w, err) && alone })
	switch taken {
	case respw.Answered:
		t.fate = answered
	case respw.Severed:
		t.fate = severed
	case respw.Whole:
		t.fate = whole
	}
	if t.fate != whole && alone {
		t.log(err, slog.Bool("severed", t.fate == severed))
	}
	t.ctx.announce()
	if t.gone != nil {
		close(t.gone)
	}
}

// goesOn reports whether the mode lets the handler go on, and how it does.
func (t *timeout) goesOn() bool {
	progress := t.w.Progress()
	switch {
	case t.cfg.Mode == TimeoutFirstByte && progress > 0:
		t.moveTo(-1)
	case t.cfg.Mode == TimeoutIdle && progress != t.seen:
		t.seen = progress
		t.moveTo(t.cfg.Duration)
	default:
		return false
	}
	return true
}

// answer writes the whole response at once, and says where it ends: the
// handler may keep net/http from doing so for as long as it likes. It reports
// whether the client can have it. On the goroutine of a timer a panic would
// end the process, be it of a layer outside or of a logger.
func (t *timeout) answer(w http.ResponseWriter, err error) (ok bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			t.logPanic(v)
		}
	}()
	p := page{header: w.Header()}
	hook := t.cfg.OnError
	if hook == nil {
		hook = respw.OnError(w)
	}
	p.render(t.outside, err, hook, t.logPanic)
	p.header.Set("Content-Length", strconv.Itoa(p.body.Len()))
	if t.outside.ProtoMajor < 2 {
		p.header.Set("Connection", "close")
	}
	rc := http.NewResponseController(w)
	_ = rc.SetWriteDeadline(time.Now().Add(grace)) // only now: the hook may have taken its time
	w.WriteHeader(p.status)
	if t.outside.Method == http.MethodHead {
		_ = rc.Flush() // HTTP/2 has ended the stream behind the header, and complains
		return true
	}
	_, lost := w.Write(p.body.Bytes())
	flushed := rc.Flush()
	return lost == nil && (flushed == nil || errors.Is(flushed, http.ErrNotSupported))
}

// log and logPanic write a record, whatever the logger does.
func (t *timeout) log(err error, attr slog.Attr) {
	defer func() { _ = recover() }()
	httperr.Log(t.cfg.Logger, t.outside, http.StatusGatewayTimeout, err, attr)
}

func (t *timeout) logPanic(v any) {
	defer func() { _ = recover() }()
	logPanic(t.cfg.Logger, t.outside, v)
}

// Extend implements exchange.Extender.
func (t *timeout) Extend(d time.Duration) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.fate != open {
		return http.ErrHandlerTimeout
	}
	if t.outer != nil {
		if err := t.outer.AtLeast(d); err != nil {
			return err
		}
	}
	t.moveTo(d)
	return nil
}

// AtLeast implements exchange.Extender.
func (t *timeout) AtLeast(d time.Duration) error {
	t.turn.Lock()
	defer t.turn.Unlock()
	if t.fate != open {
		return http.ErrHandlerTimeout
	}
	if t.outer != nil {
		if err := t.outer.AtLeast(d); err != nil {
			return err
		}
	}
	if at := t.ctx.limit(); !at.IsZero() && (d < 0 || time.Until(at) < d) {
		t.moveTo(d)
	}
	return nil
}

// moveTo sets the deadline to d from now. The turn is held, so a callback that
// is under way finds out.
func (t *timeout) moveTo(d time.Duration) {
	if d < 0 {
		t.ctx.move(time.Time{})
		return
	}
	now := time.Now()
	t.ctx.move(now.Add(d))
	t.moveAlarm(now.Add(d), now)
}
