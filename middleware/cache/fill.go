package cache

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// A fill is one run of a handler on behalf of everybody. Its context does not
// end with the client that set it off, so that nobody suffers from another's
// leaving; it ends with FillTimeout, or, once the response is live, with that
// client.
type fill struct {
	node    exchange.Node // the context of the handler
	cache   *Cache
	outer   *fill // of another cache around this one
	target  target
	key     string      // by which others find it, empty if they cannot
	slot    string      // where in the store its response was looked for
	number  uint64      // in the sequence of Generations
	outside http.Header // what layers outside have set for this client
	old     *Entry      // valid but past its time, or nil
	order   *order      // of a revalidation, or nil

	unlock   func() // for other processes, nil if nothing is locked; guarded by the cache's lock
	cancel   context.CancelCauseFunc
	timer    *time.Timer // nil for ever
	unfollow func() bool

	mu     sync.Mutex // guards what the handler adds
	tags   []string
	policy Policy

	settled bool          // guarded by the cache's lock
	done    chan struct{} // closed when settled
	out     outcome       // set before
}

// An outcome is what a fill has for those who wait for it. The zero outcome is
// nothing: the response was for one client.
type outcome struct {
	entry  *Entry
	vary   []string // with what the entry's key was made
	failed bool     // by a 5xx, a panic or a timeout
	err    error    // what to answer if there is no entry
	again  bool     // look again: another process has filled it
}

var (
	errPanicked = &httperr.Error{Status: http.StatusInternalServerError, Cause: errors.New("cache: the handler panicked")}
	errAborted  = &httperr.Error{Status: http.StatusInternalServerError, Cause: errors.New("cache: the handler has given up its response")}
	errSlow     = &httperr.Error{Status: http.StatusGatewayTimeout, Cause: errors.New("cache: the handler did not answer within FillTimeout")}
)

var errFlushed = errors.New("cache: the handler has flushed an error")

// Reasons why a response is not stored.
const (
	reasonVoid        = "something it was made of was invalidated meanwhile"
	reasonStore       = "the store failed"
	reasonGenerations = "the generations failed"
)

// start gives the fill its context, below ctx, and its number.
func (f *fill) start(ctx context.Context) (err error) {
	if f.number == 0 {
		if f.number, err = f.cache.gens.Next(ctx); err != nil {
			return err
		}
	}
	ctx, f.cancel = context.WithCancelCause(ctx)
	if d := f.cache.cfg.FillTimeout; d > 0 {
		f.timer = time.AfterFunc(d, func() {
			f.cancel(errSlow)
			f.cache.settle(f, outcome{failed: true, err: errSlow})
		})
	}
	f.node.Attach(ctx, exchange.Find(ctx))
	f.outer, _ = f.node.Get(exchange.Cache).(*fill)
	if f.outer == f {
		f.outer = nil // a revalidation, which brought the fill with it
	}
	f.node.Set(exchange.Cache, f)
	return nil
}

// follow ties the context of the handler to that of the client.
func (f *fill) follow(ctx context.Context) {
	if f.timer != nil {
		f.timer.Stop()
	}
	f.unfollow = context.AfterFunc(ctx, func() { f.cancel(context.Cause(ctx)) })
}

// release frees what start and follow took.
func (f *fill) release() {
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
func (f *fill) excused(status int) bool {
	return status >= 500 && f.order == nil && f.old.standsIn(time.Now())
}

// refused is called when the response turns out to be for one client. It lets
// go of those who wait, and for a while nobody does: else those who ask for a
// private page would queue for each other's. An error of the server's is shared:
// to run the handler once more for each of them would be the end of it.
func (f *fill) refused(status int, shared bool) {
	c := f.cache
	if status < 500 && f.order == nil {
		c.remember(passMark+f.key, passFor)
		if f.old != nil {
			// What was for everybody no longer is.
			c.put(context.WithoutCancel(&f.node), &Entry{Key: f.slot, Number: f.number, Created: time.Now()})
		}
	}
	var out outcome
	if shared {
		out = outcome{failed: true, err: &httperr.Error{Status: status, Cause: errFlushed}}
	}
	c.settle(f, out)
}

// run has the handler answer, and returns what it has answered, nil if that
// went live, or an error if it did not answer in time. If it panics and an old
// entry stands in, that is an error too.
func (f *fill) run(next http.Handler, rec *recorder, w http.ResponseWriter, r *http.Request) (e *Entry, err error) {
	in := r.WithContext(&f.node)
	f.target.generalize(in)
	returned := false
	defer func() {
		exchange.HandBack(r, in)
		f.release()
		f.cache.settle(f, outcome{failed: true, err: errPanicked}) // unless it has been
		if returned {
			return
		}
		if rec.alone || !rec.live && f.excused(http.StatusInternalServerError) {
			if v := recover(); v != nil {
				f.cache.logPanic(r, v)
				err = errPanicked
			}
		} else if rec.aborted {
			respw.Poison(rec.client) // or a recoverer outside makes an empty page of it
		}
	}()
	next.ServeHTTP(w, in)
	r.Pattern = in.Pattern
	e, err = f.conclude(rec)
	returned = true
	return e, err
}

// conclude makes an entry of what the handler has answered, stores it if that is
// right, and gives it to those who wait.
func (f *fill) conclude(rec *recorder) (*Entry, error) {
	late := !rec.live && f.node.Err() != nil
	switch {
	case rec.aborted && !rec.live:
		f.cache.settle(f, outcome{failed: true, err: errAborted})
		return nil, errAborted
	case rec.status == 0 && late:
		err := context.Cause(&f.node)
		f.cache.settle(f, outcome{failed: true, err: err})
		return nil, err
	case rec.status == 0 && !rec.live:
		rec.commit(http.StatusOK) // as net/http does for a handler that is silent
	}
	if rec.verdict == keep && rec.trailers() {
		rec.goLive("it has trailers")
	}
	if rec.live {
		if !rec.alone {
			respw.CopyTrailers(rec.client.Header(), rec.header)
		}
		return nil, nil
	}
	if rec.verdict == keep {
		switch partial := rec.partial(); {
		case late:
			rec.refuse("its handler took too long")
		case partial != "":
			rec.refuse(partial)
		case f.order != nil && rec.status >= 400 && rec.r.Pattern == "":
			rec.refuse("no route matches")
		}
	}
	e, out := f.entry(rec), outcome{failed: rec.status >= 500}
	if rec.verdict != refuse {
		out.entry, out.vary = e, f.store(rec, e)
	}
	f.cache.settle(f, out)
	return e, nil
}

// store finds the key of the entry, and puts it into the store if it is to be
// kept. It returns the names of the fields that are part of the key: those the
// response names, and those that were known for the URL.
//
// New names go into the store as well. Two fills at once may overwrite what the
// other has learned: an entry under a key that nobody computes any more is as
// good as none, and the next fill learns it again.
func (f *fill) store(rec *recorder, e *Entry) (vary []string) {
	c, ctx := f.cache, context.WithoutCancel(&f.node)
	vary, _ = varies(e.Header)
	known := c.record(ctx, f.target.key)
	if known != nil {
		vary = slices.Concat(vary, known.Vary)
		slices.Sort(vary)
		vary = slices.Compact(vary)
	}
	e.Key = variant(f.target.key, vary, rec.r.Header)
	if rec.verdict != keep {
		return vary
	}
	valid, err := c.valid(ctx, e)
	c.complain(err)
	switch {
	case err == nil && !valid:
		rec.refuse(reasonVoid)
		return vary
	case len(vary) > maxVary, len(e.Key) > maxKey:
		rec.refuse("its URL varies with too much")
		return vary
	}
	stored := err == nil
	if len(vary) > 0 && (known == nil || len(known.Vary) < len(vary) || known.Expires().Before(e.Expires())) {
		names := &Entry{Key: f.target.key, Number: e.Number, Vary: vary, Created: e.Created, Policy: e.Policy}
		if known != nil {
			names.Number = max(e.Number, known.Number)
		}
		stored = stored && c.put(ctx, names)
	}
	if stored = stored && c.put(ctx, e); !stored {
		rec.refuse(reasonStore)
	} else if f.order == nil {
		c.noteHost(rec.r, f.target)
	}
	return vary
}

// entry returns the response as an entry, its key yet to be found.
func (f *fill) entry(rec *recorder) *Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &Entry{
		Number:  f.number,
		Tags:    append([]string{pathTag(f.target.uri)}, f.tags...),
		Status:  rec.status,
		Header:  rec.sent,
		Body:    rec.body,
		Created: rec.created,
		Policy:  rec.policy,
	}
	h := e.Header
	if age, err := strconv.ParseUint(h.Get("Age"), 10, 31); err == nil {
		e.Created = e.Created.Add(-time.Duration(age) * time.Second) // it was old when it came
	}
	for _, name := range []string{"Age", "Connection", "Keep-Alive", "Proxy-Connection", "Te", "Transfer-Encoding", "Upgrade"} {
		delete(h, name) // of one message, not of the response (RFC 9111, section 3.1)
	}
	// A HEAD request has no body to find these out from.
	if _, set := h["Content-Type"]; !set && f.outside["Content-Type"] == nil && h["Content-Encoding"] == nil && len(e.Body) > 0 {
		h["Content-Type"] = []string{http.DetectContentType(e.Body)}
	}
	if h["Content-Length"] == nil {
		h["Content-Length"] = []string{strconv.Itoa(len(e.Body))}
	}
	return e
}

// addTags adds the tags to the fill and those around it.
func (f *fill) addTags(tags []string) {
	for ; f != nil; f = f.outer {
		f.mu.Lock()
		for _, tag := range tags {
			if tag = tagPrefix + tag; !slices.Contains(f.tags, tag) {
				f.tags = append(f.tags, tag)
			}
		}
		f.mu.Unlock()
	}
}

func (f *fill) ownPolicy() Policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.policy
}
