package cache

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// What happens to a request.
//
// One that no stored response could answer goes past (target). For any other
// the store is asked, and the generations whether what it has is valid (look).
// A fresh entry is sent. A stale one is sent, and a goroutine makes it anew
// (refresh). Else one request runs the handler (lead, fill.run) and the others
// for the same response wait for it (wait).
//
// The handler writes to a recorder, which decides by the header whether the
// response may be for others (judge). If not it goes live: from then on it is
// between this client and the handler, and those who wait run the handler
// themselves. If so it is held back until it is whole, becomes an entry, is
// stored, and is sent to all.

// A Cache keeps responses. Make one with [New]; one serves any number of routes.
type Cache struct {
	cfg   Config
	back  *backend
	count counters

	mu     sync.Mutex
	fills  map[string]*fill           // those that others may wait for
	marks  recent[string, time.Time]  // until when not to wait, or not to refresh
	hosts  recent[string, *requested] // by path tag, as it was asked for last
	last   atomic.Pointer[requested]
	mounts []http.Handler // what Middleware made of muxes

	closed     bool
	refreshes  map[*fill]struct{} // those that run
	background sync.WaitGroup
}

const (
	// passFor is how long nobody waits for a response that was for one client.
	passFor = 10 * time.Second
	// pauseFor is how long an old entry is served on after a refresh failed.
	pauseFor = 3 * time.Second

	passMark  = "pass "
	pauseMark = "pause "

	// rounds is how often a request waits for another, before it goes its own
	// way: each time something may have been invalidated, or found to vary.
	rounds = 4

	// remembered bounds the marks and the hosts.
	remembered = 1 << 13
)

// New returns a cache. It panics if the config is not valid, with everything
// that is wrong.
func New(cfg Config) *Cache {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.MaxBody = cmp.Or(cfg.MaxBody, defaultMaxBody)
	cfg.FillTimeout = cmp.Or(cfg.FillTimeout, defaultFillTimeout)
	cfg.Query = slices.Clone(cfg.Query)
	cfg.StatusHeader = http.CanonicalHeaderKey(cfg.StatusHeader)
	c := &Cache{
		cfg:       cfg,
		back:      newBackend(cfg),
		fills:     make(map[string]*fill),
		refreshes: make(map[*fill]struct{}),
		marks:     recent[string, time.Time]{max: remembered},
		hosts:     recent[string, *requested]{max: remembered},
	}
	return c
}

// Middleware puts the cache before next. Layers that answer some clients
// differently without saying so in the response, such as authentication, belong
// outside of it. A time limit outside is for how long a client waits, one inside
// for how long the handler takes.
//
// A stale response is made anew when the request of its reader may be over, with
// the values of that request's context. A router that reuses these for the next
// request, as chi does with its parameters, would have the handler make another
// page than was asked for: put it inside, or turn StaleWhileRevalidate off.
func (c *Cache) Middleware(next http.Handler) http.Handler {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, next) })
	if isMux(next) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.mounts = append(c.mounts, h)
	}
	return h
}

// isMux reports whether h finds routes itself: http.ServeMux, and what can
// register routes with one.
func isMux(h http.Handler) bool {
	switch h.(type) {
	case *http.ServeMux, interface{ Register(*http.ServeMux) }:
		return true
	}
	return false
}

func (c *Cache) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	outer := fillOf(r.Context())
	if outer != nil {
		switch ordered := outer.order != nil && !outer.order.reached.Load(); {
		case ordered && outer.cache == c:
			c.fulfil(outer, w, r, next)
			return
		case ordered, outer.within(c): // another cache's, or this one stands here twice
			next.ServeHTTP(w, r)
			return
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		c.mark(w.Header(), byMethod, "")
		if c.cfg.IgnoreWrites || safe(r.Method) {
			next.ServeHTTP(w, r)
		} else {
			c.serveWrite(w, r, next)
		}
		return
	}
	t, ok := c.target(r)
	if !ok {
		c.mark(w.Header(), asked, "")
		next.ServeHTTP(w, r)
		return
	}
	if c.last.Load() == nil {
		c.last.Store(asRequested(r))
	}
	for round := range rounds {
		found, err := c.look(r, &t, outer)
		if err != nil {
			break
		}
		switch {
		case found.use == fresh:
			c.sendStored(w, r, found.entry, found.now)
			return
		case found.use == stale:
			c.refresh(r, next, t, found)
			c.sendStored(w, r, found.entry, found.now)
			return
		case r.Method == http.MethodHead:
			c.pass(w, r, next, &t, forwarded(found.entry != nil))
			return
		}
		f, leads := c.enter(t, found)
		switch {
		case f == nil:
			c.pass(w, r, next, &t, forwarded(found.entry != nil))
			return
		case leads && round == 0 && !c.lock(r.Context(), f):
			c.settle(f, outcome{again: true})
		case leads:
			c.lead(f, w, r, next)
			return
		case c.wait(f, w, r, next, found):
			return
		}
	}
	c.pass(w, r, next, &t, bypassed)
}

// pass runs the handler for this client alone.
func (c *Cache) pass(w http.ResponseWriter, r *http.Request, next http.Handler, t *target, status string) {
	c.mark(w.Header(), status, "")
	if r.URL.RawQuery == t.query {
		next.ServeHTTP(w, r)
		return
	}
	in := r.WithContext(r.Context())
	t.narrow(in)
	defer exchange.HandBack(r, in)
	next.ServeHTTP(w, in)
}

// serveWrite runs a handler that changes something, and takes what is stored
// for its path to be changed if it succeeds: before the client learns that it
// did, since its next request must not be answered from before, and once more
// when the handler has returned, since what it changes may not show until then,
// as at the end of a transaction.
func (c *Cache) serveWrite(w http.ResponseWriter, r *http.Request, next http.Handler) {
	path, answered := pathTag(originalPath(r)), http.StatusOK
	changed := func(status int) {
		answered = status
		if changes(status) {
			ctx := context.WithoutCancel(r.Context())
			if noted, err := c.back.Noted(ctx, path); noted || err != nil {
				_ = c.raise(ctx, path)
			}
		}
	}
	rw, w := respw.Wrap(w, r)
	rw.BeforeCommit(changed)
	next.ServeHTTP(w, r)
	changed(answered)
}

// changes reports whether a request with an unsafe method that is answered with
// the status has changed something: not if it is to be sent to another place as
// it is, by which routers answer what no handler was asked for.
func changes(status int) bool {
	return status >= 200 && status < 400 &&
		status != http.StatusNotModified && status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect
}

// raise invalidates what has one of the tags.
func (c *Cache) raise(ctx context.Context, tags ...string) error {
	n, err := c.back.Next(ctx)
	if err != nil {
		return err
	}
	if err = c.back.Raise(ctx, n, tags...); err == nil {
		c.count.invalidated.Add(1)
	}
	return err
}

// logPanic writes the record of a panic that nobody else will see.
func (c *Cache) logPanic(r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		return // net/http's own word for not answering
	}
	httperr.LogPanic(c.cfg.Logger, r, v)
}

// fillOf returns the fill that runs in ctx, or nil.
func fillOf(ctx context.Context) (f *fill) {
	if n := exchange.Find(ctx); n != nil {
		f, _ = n.Get(exchange.Cache).(*fill)
	}
	return f
}

// within reports whether the fill, or one around it, is of the cache.
func (f *fill) within(c *Cache) bool {
	for ; f != nil; f = f.outer {
		if f.cache == c {
			return true
		}
	}
	return false
}

// inherit makes what the fill brings depend on what e depends on.
func (f *fill) inherit(e *Entry) {
	for ; f != nil; f = f.outer {
		f.mu.Lock()
		f.tags = append(f.tags, e.Tags...)
		f.mu.Unlock()
	}
}
