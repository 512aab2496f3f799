package cache

import (
	"cmp"
	"context"
	"hash/maphash"
	"net/http"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/layer"
)

// What happens to a request.
//
// One that no stored response could answer goes past (keyOf). For any other
// the store is asked, and the generations whether what it has is valid (lookup).
// A fresh entry is sent. A stale one is sent, and renewed (renew). Else one request
// runs the handler (lead, flight.run) and the others for the same response wait for
// it (wait).
//
// The handler writes to a recorder, which decides by the header whether the
// response may be for others (judge). If not it goes live: from then on it is
// between this client and the handler, and those who wait run the handler
// themselves. If so it is held back until it is whole, or sent as it comes if it is
// flushed, becomes an entry, is stored, and is sent to all.
//
// Why something was not stored, or went past, is one of the reasons; what is
// remembered of a key is its memo (collapse.go); the states of a response are those
// of the recorder, and the states of a store that does not answer are those of the
// backend.

// A Cache keeps responses. Make one with [New]; one serves any number of routes.
type Cache struct {
	cfg   Config
	back  *backend
	count counters
	seed  maphash.Seed
	born  time.Time

	// epoch counts the invalidations of this process, so that those who wait for a
	// flight know if there was one while the generations cannot say. landed
	// counts flights that are over.
	epoch, landed atomic.Uint64

	owes   atomic.Int32  // how many of owed there are
	floor  atomic.Uint64 // entries with a lower number are void: writes were forgotten
	leans  atomic.Bool   // a handler has used values that layers outside keep in the context
	said   atomic.Bool   // that StaleWhileRevalidate is off
	astray atomic.Bool   // a renewal has not come back to the cache by way of the Origin

	server atomic.Value // the *http.Server that the last request came from
	last   atomic.Pointer[requestInfo]

	// mu is never held while code of others runs. It is a leaf.
	mu       sync.Mutex
	flights  map[string]*flight                  // in the air, see flight
	memos    recent[uint64, memo]                // by the hash of a flight's id
	requests recent[uint64, *requestInfo]        // how a path was asked for last, by the hash of its tag
	mounts   []mount                             // what Middleware made of handlers that find routes themselves
	owed     map[string]uint64                   // tags that the generations are to be told of, with the number of the last write
	writes   uint64                              // that were owed so far
	closed   bool                                // no renewals begin
	renewals map[*flight]context.CancelCauseFunc // those that run
	running  sync.WaitGroup
}

// New returns a cache. It panics if the config is not valid, with everything
// that is wrong.
func New(cfg Config) *Cache {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.MaxBody = cmp.Or(cfg.MaxBody, defaultMaxBody)
	cfg.PostBody = cmp.Or(cfg.PostBody, defaultPostBody)
	cfg.FillTimeout = cmp.Or(cfg.FillTimeout, defaultFillTimeout)
	cfg.Query = slices.Clone(cfg.Query)
	cfg.StatusHeader = http.CanonicalHeaderKey(cfg.StatusHeader)
	return &Cache{
		cfg:      cfg,
		back:     newBackend(cfg),
		seed:     maphash.MakeSeed(),
		born:     time.Now(),
		flights:  make(map[string]*flight),
		owed:     make(map[string]uint64),
		renewals: make(map[*flight]context.CancelCauseFunc),
		memos:    recent[uint64, memo]{max: remembered},
		requests: recent[uint64, *requestInfo]{max: remembered},
	}
}

// Middleware puts the cache before next. Layers that answer some clients
// differently without saying so in the response, such as authentication, belong
// outside of it. A time limit outside is for how long a client waits, one inside
// for how long the handler takes.
//
// The cache may stand around a router of any kind or inside of it, once or on
// each route. How a stale response is renewed depends on that: see
// Config.Origin.
func (c *Cache) Middleware(next http.Handler) http.Handler {
	h := layer.New(next, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, next) })
	if isMux(next) || same(next, c.cfg.Origin) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.mounts = append(c.mounts, mount{h, next})
	}
	return h
}

// A mount is a handler of the cache and what it stands around.
type mount struct{ handler, next http.Handler }

// isMux reports whether h finds routes itself: http.ServeMux, and what can
// register routes with one.
func isMux(h http.Handler) bool {
	switch h.(type) {
	case *http.ServeMux, interface{ Register(*http.ServeMux) }:
		return true
	}
	return false
}

// same reports whether two handlers are one. Functions cannot be compared.
func same(a, b http.Handler) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

func (c *Cache) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	outer := flightOf(r.Context())
	if outer != nil {
		switch ordered := outer.order != nil && !outer.order.reached.Load(); {
		case ordered && outer.cache == c:
			c.fulfill(outer, w, r, next)
			return
		case ordered, outer.within(c): // another cache's, or this one stands here twice
			next.ServeHTTP(w, r)
			return
		}
	}
	asks := r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodPost && c.cfg.Post != nil
	if !asks {
		c.serveUnkeyed(w, r, next)
		return
	}
	k, why := c.keyOf(r)
	switch {
	case why == byMethod:
		c.serveUnkeyed(w, r, next)
		return
	case why != kept:
		c.pass(w, r, next, &k, request+reasons[why].token)
		return
	}
	if c.last.Load() == nil {
		c.noteServer(r)
	}
	filled := false // by another process, and not for us
	for range rounds {
		at := c.lookup(r, &k, outer)
		if at.use == stale && !c.background() && !flushes(w) {
			at.use = fallback // the reader would wait for the renewal anyway
			c.sayOnce()
		}
		switch {
		case at.use == fresh, at.use == fallback && c.paused(&k, &at):
			c.sendStored(w, r, at.entry, at.now)
			return
		case at.use == stale:
			after := c.renew(w, r, next, &k, at)
			c.sendStored(w, r, at.entry, at.now)
			if after != nil {
				after()
			}
			return
		}
		if k.withheld && c.isPersonal(&k) {
			k.withheld = false
		}
		if why := unshared(r, &k); why != kept {
			c.pass(w, r, next, &k, forwarded(at.entry != nil)+"; detail="+reasons[why].token)
			return
		}
		f, leads, why := c.enter(k, at)
		switch {
		case f == nil:
			c.pass(w, r, next, &k, forwarded(at.entry != nil)+"; detail="+reasons[why].token)
			return
		case leads && c.lead(f, w, r, next, at, &filled):
			return
		case leads:
		case c.wait(f, w, r, next, &k, at):
			c.count.misses.Add(1)
			return
		}
	}
	c.pass(w, r, next, &k, bypass+reasons[byRounds].token)
}

// unshared says why what a request brings is not for others, if that is to be seen
// from it: it can be answered from the store, but does not fill it.
func unshared(r *http.Request, k *requestKey) reason {
	switch {
	case r.Method == http.MethodHead:
		return byHead
	case k.ranged:
		return byRange
	case k.noStore:
		return byRequest
	}
	return kept
}

// pass runs the handler for this client alone.
func (c *Cache) pass(w http.ResponseWriter, r *http.Request, next http.Handler, k *requestKey, status string) {
	c.count.bypassed.Add(1)
	c.mark(w.Header(), status, "")
	if r.URL.RawQuery == k.query && !k.withheld && !k.post {
		next.ServeHTTP(w, r)
		return
	}
	in := r.WithContext(r.Context())
	k.narrow(in)
	defer exchange.HandBack(r, in)
	next.ServeHTTP(w, in)
}

// logPanic writes the record of a panic that would leave no other trace.
func (c *Cache) logPanic(r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		return // net/http's own word for not answering
	}
	httperr.LogPanic(c.cfg.Logger, r, v)
}
