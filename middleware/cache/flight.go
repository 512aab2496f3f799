package cache

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// A flight is one run of a handler on behalf of all who ask for the same response
// meanwhile (the word is that of singleflight). Its context does not end with the
// client that set it off, so that a client who leaves takes nothing from the
// others; it ends with FillTimeout, or, once the response is for that client alone,
// with that client.
//
// Of a flight others see three things: that it is in the air, its result, and
// that it is gone.
//
//	          1 enter            2 settle
//	┌────────┐        ┌────────┐         ┌────────┐
//	│ absent ├───────►│ in air ├────────►│ landed │
//	└────────┘        └────────┘         └────────┘
//
//	1 absent -> in air   a request finds nothing fresh, and no flight, and is not told to pass
//	2 in air -> landed   once, by the first of: the entry is stored, the response is for one client,
//	                     the time is up, the handler panicked, another process had it
//
// Both are steps under Cache.mu, and the second takes the flight off the map, so
// that the next request for the same key is in transition 1 again. What is stored
// is stored before transition 2. A request that looked before and enters after has
// found nothing and leads: it sees by Cache.landed that it has to look once more.
//
// The handler may go on after landing, for its own client.
type flight struct {
	node    exchange.Node // the context of the handler
	cache   *Cache
	outer   *flight // of another cache around this one
	key     requestKey
	id      string      // by which others find it, empty if they cannot
	slot    string      // where in the store its response was looked for
	number  uint64      // in the sequence of Generations; 0 if they did not answer
	epoch   uint64      // of the cache when it began
	outside http.Header // what layers outside have set for this client
	old     *Entry      // valid but past its time, or nil
	order   *order      // by which a request of the cache's own finds it, or nil

	client   context.Context // of the request that set it off
	noted    time.Time       // until when a write knows that there may be a response
	sending  atomic.Bool     // the handler waits for that client to read
	buffered bool            // nothing reaches that client before the handler has returned, see flushes
	outlived atomic.Bool     // values of that request were used after its end

	unlock   func() // for other processes, nil if nothing is locked; guarded by the cache's lock
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil for ever
	unfollow func() bool

	mu     sync.Mutex // guards what the handler adds
	tags   tagSet
	policy *Policy

	waiting int           // how many have joined; guarded by the cache's lock
	settled bool          // guarded by the cache's lock
	done    chan struct{} // closed when settled
	result  result        // set before
}

// A result is what a flight has for those who wait for it.
type result struct {
	outcome outcome
	entry   *Entry   // of shared and failed, if there is one
	vary    []string // with what the entry's key was made
	why     reason   // of personal
	err     error    // of failed: what to answer if there is no entry
}

type outcome int

const (
	personal outcome = iota // the response was for one client: each runs the handler
	shared                  // the entry is for all who wait, stored or not
	failed                  // with a 5xx, a panic or a timeout
	retry                   // look again: another process has filled it, or nothing is known
)

var (
	errPanicked = &httperr.Error{Status: http.StatusInternalServerError, Cause: errors.New("cache: the handler panicked")}
	errAborted  = &httperr.Error{Status: http.StatusInternalServerError, Cause: errors.New("cache: the handler has given up its response")}
	errSlow     = &httperr.Error{Status: http.StatusGatewayTimeout, Cause: errors.New("cache: the handler did not answer within FillTimeout")}
	errOwn      = errors.New("cache: the handler has answered one client with an error")
	errFlushed  = errors.New("cache: the handler has flushed an error")
)

// wholeWithin is how long those who wait do so for the end of a response that has
// begun to be sent to the client who set it off. Longer ones are streams. If that
// client leaves before, and no other waits, the handler is told.
const wholeWithin = 5 * time.Second

// flightOf returns the flight that runs in ctx, or nil.
func flightOf(ctx context.Context) (f *flight) {
	if n := exchange.Find(ctx); n != nil {
		f, _ = n.Get(exchange.Cache).(*flight)
	}
	return f
}

// within reports whether the flight, or one around it, is of the cache.
func (f *flight) within(c *Cache) bool {
	for ; f != nil; f = f.outer {
		if f.cache == c {
			return true
		}
	}
	return false
}

// start gives the flight its context, below that of the request, and its number.
func (f *flight) start(r *http.Request, ctx context.Context) {
	c := f.cache
	c.count.fills.Add(1)
	f.epoch = c.epoch.Load()
	if f.number == 0 {
		f.number, _ = c.back.Next(ctx)
	}
	// What is in the air may be stored: a write has to know of it.
	running := c.cfg.FillTimeout
	if running < 0 {
		running = 24 * time.Hour
	}
	f.noted = time.Now().Add(running)
	if f.number != 0 && c.back.Note(ctx, pathTag(f.key.uri), f.noted) != nil {
		f.number = 0
	}
	f.client = r.Context()
	ctx, f.cancel = context.WithCancelCause(&lent{ctx, f})
	if d := c.cfg.FillTimeout; d > 0 {
		f.timer = time.AfterFunc(d, func() {
			f.cancel(errSlow)
			c.settle(f, result{outcome: failed, err: errSlow})
		})
	}
	f.node.Attach(ctx, exchange.Find(ctx))
	f.outer, _ = f.node.Get(exchange.Cache).(*flight)
	if f.outer == f {
		f.outer = nil // it came with a request of the cache's own
	}
	f.node.Set(exchange.Cache, f)
}

// A lent context has the values of the request that set a flight off. Layers
// outside of the cache, such as chi's router, reuse what they keep there as soon as
// they have returned; they may do so before the handler has if one of them gives it
// up, as http.TimeoutHandler does. What a handler has looked up after that may be
// another request's.
type lent struct {
	context.Context
	f *flight
}

func (l *lent) Value(key any) any {
	v := l.Context.Value(key)
	if v == nil || key == http.ServerContextKey || key == http.LocalAddrContextKey {
		return v
	}
	if _, ours := v.(*exchange.Node); ours {
		return v
	}
	l.f.cache.leans.Store(true)
	if err := l.f.client.Err(); err == context.DeadlineExceeded || err != nil && l.f.buffered {
		l.f.outlived.Store(true)
	}
	return v
}

// flushes reports whether what is written to w can be sent before ServeHTTP returns.
// What stands between and cannot, as http.TimeoutHandler, may also give the handler
// up when the client has gone, which the server does not.
func flushes(w http.ResponseWriter) bool {
	if _, ok := respw.Find[http.Flusher](w); ok {
		return true
	}
	_, ok := respw.Find[interface{ FlushError() error }](w)
	return ok
}

// follow ties the context of the handler to that of the client.
func (f *flight) follow() {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.unfollow != nil {
		f.unfollow()
	}
	f.unfollow = context.AfterFunc(f.client, func() { f.cancel(context.Cause(f.client)) })
}

// stream is called when the response begins to be sent as it comes, and is kept as
// well. Those who wait do so for a while: their handlers are called then if it is the
// handler that takes its time, and one of theirs if it is the client, who may mean to
// hold the page back.
func (f *flight) stream() {
	if f.timer != nil {
		f.timer.Stop()
	}
	within := wholeWithin
	if d := f.cache.cfg.FillTimeout; d > 0 {
		within = min(d, within)
	}
	c := f.cache
	left := func() { f.cancel(context.Cause(f.client)) }
	f.unfollow = context.AfterFunc(f.client, func() {
		if c.abandon(f) {
			left()
		}
	})
	f.timer = time.AfterFunc(within, func() {
		if f.sending.Load() {
			c.settle(f, result{outcome: retry}) // its client is slow: another may be faster
		} else {
			c.remember(f, isStream)
			c.settle(f, result{outcome: personal, why: isStream})
		}
		stop := context.AfterFunc(f.client, left)
		context.AfterFunc(&f.node, func() { stop() })
	})
}

// release frees what start and follow took.
func (f *flight) release() {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.unfollow != nil {
		f.unfollow()
	}
	f.cancel(nil)
}

// excused reports whether an old entry stands in for a response with this
// status.
func (f *flight) excused(status int) bool {
	return status >= 500 && f.order == nil && f.old.servesOnError(time.Now())
}

// validates reports whether the handler is asked if the old entry is still good
// (RFC 9111, section 4.3). A revalidation on demand wants a new one, and a POST has
// no such question.
func (f *flight) validates() bool {
	return f.old != nil && f.old.Status == http.StatusOK && !f.key.post && (f.order == nil || f.order.renewal) &&
		(f.old.Header.Get("Etag") != "" || f.old.Header.Get("Last-Modified") != "")
}

// refused is called when the response turns out not to be for others. It lets
// go of those who wait: else those who ask for a private page would queue for each
// other's. An error of the server's is theirs too: to run the handler once more for
// each of them would be the end of it.
func (f *flight) refused(status int, why reason) {
	c := f.cache
	if why == serverError {
		c.settle(f, result{outcome: failed, err: &httperr.Error{Status: status, Cause: errFlushed}})
		return
	}
	if f.order == nil || f.order.renewal {
		c.remember(f, why)
		if f.old != nil && why.drops(status) {
			// What was for everybody no longer is.
			_ = c.back.Set(context.WithoutCancel(&f.node), &Entry{Key: f.slot, Number: f.number, Created: time.Now()})
		}
	}
	c.settle(f, result{outcome: personal, why: why})
}

// run has the handler answer, and returns the response if it is to be sent still,
// or an error if it did not answer in time. If it panics and an old entry stands in,
// or there is no client, that is an error too.
func (f *flight) run(next http.Handler, rec *recorder, w http.ResponseWriter, r *http.Request) (e *Entry, err error) {
	in := r.WithContext(&f.node)
	f.key.generalize(in)
	if f.validates() {
		// Not both: the tag counts where there is one (RFC 9110, section 13.1.3), and a
		// handler that goes by the date alone may say 304 of another response.
		if tag := f.old.Header.Get("Etag"); tag != "" {
			in.Header["If-None-Match"] = []string{tag}
		} else {
			in.Header["If-Modified-Since"] = []string{f.old.Header.Get("Last-Modified")}
		}
	}
	returned := false
	defer func() {
		exchange.HandBack(r, in)
		f.release()
		if returned {
			return
		}
		if rec.state != rerun { // in which its writes are errors, by which a proxy panics
			f.fail(errPanicked)
		}
		if rec.alone || rec.state == rerun || rec.unsent() && f.excused(http.StatusInternalServerError) {
			if v := recover(); v != nil {
				f.cache.logPanic(r, v)
				err = errPanicked
			}
		} else if rec.state == broken {
			respw.Poison(rec.client) // or a recoverer outside makes an empty page of it
		}
	}()
	next.ServeHTTP(w, in)
	r.Pattern = in.Pattern
	e, err = f.conclude(rec)
	returned = true
	return e, err
}

// fail is for a handler that has brought no response.
func (f *flight) fail(err error) {
	f.cache.count.fillErrors.Add(1)
	f.cache.remember(f, serverError)
	f.cache.settle(f, result{outcome: failed, err: err})
}

// conclude makes an entry of what the handler has answered, stores it if that is
// right, and gives it to those who wait.
func (f *flight) conclude(rec *recorder) (*Entry, error) {
	c, late := f.cache, f.node.Err() != nil
	if rec.state == begun && late {
		err := context.Cause(&f.node)
		f.fail(err)
		return nil, err
	}
	switch rec.finish(late); rec.state {
	case broken:
		f.fail(errAborted)
		return nil, errAborted
	case held, teed:
	default:
		c.settle(f, result{outcome: personal, why: rec.why}) // unless it has been
		return nil, nil
	}
	e := f.entry(rec)
	res := result{outcome: shared, entry: e}
	switch {
	case rec.status >= 500:
		res.outcome = failed
		if rec.why != serverError { // it is for one client
			res.entry, res.err = nil, &httperr.Error{Status: rec.status, Cause: errOwn}
		}
		c.count.fillErrors.Add(1)
	case rec.why == incomplete || rec.why == failedHalfway || rec.why == outlived || rec.why == hasTrailers:
		res = result{outcome: personal, why: rec.why}
	}
	if rec.why == kept || rec.why == serverError || res.outcome == shared {
		res.vary = f.store(rec, e)
	}
	if rec.why == outlived {
		res = result{outcome: retry}
	}
	c.remember(f, rec.why)
	c.settle(f, res)
	return e, nil
}
