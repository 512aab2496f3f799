package cache

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/response"
)

// A flight is one run of a handler on behalf of all simultaneous requests for the same
// response: the word is from singleflight, and Config and Stats call it a fill. Its
// context does not end with the client that started it, so that a client who leaves takes
// nothing from the others; it ends with FillTimeout, or, once the response is for that
// client alone, with that client.
//
// Other requests see three states: the flight runs, it has a result, and it is gone.
//
//	          1 join              2 settle
//	┌────────┐        ┌─────────┐         ┌─────────┐
//	│ absent ├───────►│ running ├────────►│ settled │
//	└────────┘        └─────────┘         └─────────┘
//
//	1 absent -> running    a request finds nothing fresh, and no flight, and no memo says to bypass
//	2 running -> settled   once, by the first of: the entry is stored, the response is for one client,
//	                       the time is up, the handler panicked, another process had it
//
// Both are steps under Cache.mu. The second removes the flight from the map, so that the
// next request for the same key is in transition 1 again. Storing happens before
// transition 2. A request that looked up the store before and joins after has found
// nothing and leads: Cache.settledFlights tells it to look again.
//
// The handler may go on after that, for its own client.
type flight struct {
	node         exchange.Node // the context of the handler
	cache        *Cache
	outer        *flight // of another cache around this one
	key          requestKey
	id           string        // key of Cache.flights, empty if no request may join
	storeKey     string        // key of the store that was looked up
	number       uint64        // in the sequence of Generations; 0 if they failed
	epoch        uint64        // of the cache when it began
	outerHeader  http.Header   // header fields set by layers outside for this client
	old          *Entry        // valid but stale, or nil
	revalidation *revalidation // by which the cache's own request finds it, or nil

	client     context.Context // of the request that started it
	notedUntil time.Time       // until when a write knows that there may be a response
	sending    atomic.Bool     // the handler waits for that client to read
	buffered   bool            // nothing reaches that client before the handler has returned, see flushes
	outlived   atomic.Bool     // values of that request were used after its end

	unlock   func() // for other processes, nil without a lock; guarded by the cache's lock
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil without a limit
	unfollow func() bool

	mu       sync.Mutex // guards what the handler adds
	tags     tagSet
	lifetime *Lifetime

	waiting int           // joined requests; guarded by the cache's lock
	settled bool          // guarded by the cache's lock
	done    chan struct{} // closed when settled
	result  result        // set before
}

var (
	errPanicked = &problem.Error{Status: http.StatusInternalServerError, Cause: errors.New("cache: the handler panicked")}
	errAborted  = &problem.Error{Status: http.StatusInternalServerError, Cause: errors.New("cache: the handler aborted its response")}
	errSlow     = &problem.Error{Status: http.StatusGatewayTimeout, Cause: errors.New("cache: the handler did not respond within FillTimeout")}
	errOwn      = errors.New("cache: the handler responded with a server error that is for one client")
	errFlushed  = errors.New("cache: the handler flushed a server error")
)

// wholeWithin is how long requests wait for the end of a response that is already being
// sent to the client that started it. Longer ones count as streams. If that client leaves
// earlier, and no other request waits, the handler's context ends.
const wholeWithin = 5 * time.Second

// flightOf returns the flight that runs in ctx, or nil.
func flightOf(ctx context.Context) (f *flight) {
	if n := exchange.Find(ctx); n != nil {
		f, _ = n.Get(exchange.Cache).(*flight)
	}
	return f
}

// belongsTo reports whether the flight, or one around it, belongs to the cache.
func (f *flight) belongsTo(c *Cache) bool {
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
		f.number, _ = c.backend.Next(ctx)
	}
	// A running flight may store a response: writes must know of it.
	running := c.cfg.FillTimeout
	if running < 0 {
		running = 24 * time.Hour
	}
	f.notedUntil = time.Now().Add(running)
	if f.number != 0 && c.backend.Note(ctx, pathTag(f.key.uri), f.notedUntil) != nil {
		f.number = 0
	}
	f.client = r.Context()
	ctx, f.cancel = context.WithCancelCause(&lent{ctx, f})
	if d := c.cfg.FillTimeout; d > 0 {
		f.timer = time.AfterFunc(d, func() {
			f.cancel(errSlow)
			f.settle(result{outcome: failed, err: errSlow})
		})
	}
	f.node.Attach(ctx, exchange.Find(ctx))
	f.outer, _ = f.node.Get(exchange.Cache).(*flight)
	if f.outer == f {
		f.outer = nil // it came with one of the cache's own requests
	}
	f.node.Set(exchange.Cache, f)
}

// A lent context has the values of the request that started a flight. Layers outside of
// the cache, such as chi's router, reuse those values as soon as they have returned,
// which may be before the handler has: http.TimeoutHandler abandons it. A value looked up
// after that may be another request's.
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
	l.f.cache.outerValuesUsed.Store(true)
	if err := l.f.client.Err(); err == context.DeadlineExceeded || err != nil && l.f.buffered {
		l.f.outlived.Store(true)
	}
	return v
}

// flushes reports whether writes to w can be sent before ServeHTTP returns. A writer in
// between that cannot flush, as that of http.TimeoutHandler, may also abandon the handler
// when the client is gone, which the server does not.
func flushes(w http.ResponseWriter) bool {
	if _, ok := response.Find[http.Flusher](w); ok {
		return true
	}
	_, ok := response.Find[interface{ FlushError() error }](w)
	return ok
}

// follow ties the handler's context to the client's.
func (f *flight) follow() {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.unfollow != nil {
		f.unfollow()
	}
	f.unfollow = context.AfterFunc(f.client, func() { f.cancel(context.Cause(f.client)) })
}

// stream is called when the response begins to be sent while it is recorded. The waiting
// requests wait for a while. After that their handlers run if this handler is slow, or
// one of theirs does if the client is, which may delay reading on purpose.
func (f *flight) stream() {
	if f.timer != nil {
		f.timer.Stop()
	}
	within := wholeWithin
	if d := f.cache.cfg.FillTimeout; d > 0 {
		within = min(d, within)
	}
	left := func() { f.cancel(context.Cause(f.client)) }
	f.unfollow = context.AfterFunc(f.client, func() {
		if f.abandon() {
			left()
		}
	})
	f.timer = time.AfterFunc(within, func() {
		if f.sending.Load() {
			f.settle(result{outcome: retry}) // its client is slow: another may be faster
		} else {
			f.remember(isStream)
			f.settle(result{outcome: personal, why: isStream})
		}
		stop := context.AfterFunc(f.client, left)
		context.AfterFunc(&f.node, func() { stop() })
	})
}

// release frees what start and follow allocated.
func (f *flight) release() {
	if f.timer != nil {
		f.timer.Stop()
	}
	if f.unfollow != nil {
		f.unfollow()
	}
	f.cancel(nil)
}

// maskedByStale reports whether to serve a stale entry in place of a response with this
// status.
func (f *flight) maskedByStale(status int) bool {
	return status >= 500 && f.revalidation == nil && f.old.servesOnError(time.Now())
}

// validates reports whether the handler gets a conditional request for the old entry (RFC
// 9111, section 4.3). Revalidation on demand needs a new response, and a POST has no
// conditional form.
func (f *flight) validates() bool {
	return f.old != nil && f.old.Status == http.StatusOK && !f.key.post && (f.revalidation == nil || f.revalidation.background) &&
		(f.old.Header.Get("Etag") != "" || f.old.Header.Get("Last-Modified") != "")
}

// notShared is called when the response turns out not to be shared. It releases the
// waiting requests: otherwise requests for a private page would queue for each other. A
// server error is their result too: running the handler again for each of them would
// overload it.
func (f *flight) notShared(status int, why reason) {
	c := f.cache
	if why == serverError {
		f.settle(result{outcome: failed, err: &problem.Error{Status: status, Cause: errFlushed}})
		return
	}
	if f.revalidation == nil || f.revalidation.background {
		f.remember(why)
		if f.old != nil && why.drops(status) {
			// The response was shared and no longer is.
			_ = c.backend.Set(context.WithoutCancel(&f.node), &Entry{Key: f.storeKey, Number: f.number, Created: time.Now()})
		}
	}
	f.settle(result{outcome: personal, why: why})
}

// run runs the handler. It returns the response if it still has to be sent, or an error
// if the handler timed out. If the handler panics and there is an old entry to serve, or
// no client, that is an error too.
func (f *flight) run(next http.Handler, rec *recorder, w http.ResponseWriter, r *http.Request) (e *Entry, err error) {
	in := r.WithContext(&f.node)
	f.key.stripPersonal(in)
	if f.validates() {
		// Not both: an ETag takes precedence (RFC 9110, section 13.1.3), and a handler
		// that only checks the date may send 304 for another response.
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
		if rec.state != rerun { // there its writes fail, on which a proxy panics
			f.fail(errPanicked)
		}
		if rec.noClient || rec.state == rerun || rec.unsent() && f.maskedByStale(http.StatusInternalServerError) {
			v := recover()
			if v != nil {
				err = errPanicked
			}
			if v != nil && v != http.ErrAbortHandler { // net/http's own way to abort a response
				problem.LogPanic(f.cache.cfg.Logger, r, v)
			}
		} else if rec.state == aborted {
			response.Poison(rec.client) // otherwise a recoverer outside would send an empty page
		}
	}()
	next.ServeHTTP(w, in)
	r.Pattern = in.Pattern
	e, err = f.conclude(rec)
	returned = true
	return e, err
}

// fail settles a flight whose handler produced no response.
func (f *flight) fail(err error) {
	f.cache.count.fillErrors.Add(1)
	f.remember(serverError)
	f.settle(result{outcome: failed, err: err})
}

// conclude makes an entry of the handler's response, stores it if it may, and gives it to
// the waiting requests.
func (f *flight) conclude(rec *recorder) (*Entry, error) {
	c, late := f.cache, f.node.Err() != nil
	if rec.state == begun && late {
		err := context.Cause(&f.node)
		f.fail(err)
		return nil, err
	}
	switch rec.finish(late); rec.state {
	case aborted:
		f.fail(errAborted)
		return nil, errAborted
	case held, teed:
	default:
		f.settle(result{outcome: personal, why: rec.why}) // no-op if it is settled
		return nil, nil
	}
	e := f.newEntry(rec)
	res := result{outcome: shared, entry: e}
	switch {
	case rec.status >= 500:
		res.outcome = failed
		if rec.why != serverError { // it is for one client
			res.entry, res.err = nil, &problem.Error{Status: rec.status, Cause: errOwn}
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
	f.remember(rec.why)
	f.settle(res)
	return e, nil
}
