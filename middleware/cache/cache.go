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
	"github.com/apiece/apiece/internal/layer"
	"github.com/apiece/apiece/internal/problem"
)

// What happens to a request.
//
// A request that no stored response could satisfy bypasses the cache (keyOf). For any
// other the cache asks the store, and the generations whether the stored entry is valid
// (lookup). A fresh entry is sent. A stale one is sent and revalidated (renew). Otherwise
// one request runs the handler (lead, flight.run) and the others for the same response
// wait for it (wait).
//
// The handler writes to a recorder, which decides by the header whether the response may
// be shared (judge). If not, the recorder goes live: from then on the response is between
// this client and the handler, and waiting requests run the handler themselves. If so,
// the response is held back until it is whole, or sent as it comes if it is flushed; it
// becomes an entry, is stored, and is sent to all.
//
// Each bypass and each response that is not stored has one of the reasons; what is
// remembered of a key is its memo (collapse.go); the states of a response are those of
// the recorder, and the states of a store that does not respond are those of the backend.

// A Cache stores responses and serves them again. Make one with [New]; one serves any
// number of routes.
type Cache struct {
	cfg   Config
	back  *backend
	count counters
	seed  maphash.Seed
	born  time.Time

	// epoch counts the invalidations of this process, so that requests waiting for a
	// flight know of one even if the generations are down. landed counts completed
	// flights.
	epoch, landed atomic.Uint64

	owes   atomic.Int32  // len(owed)
	floor  atomic.Uint64 // entries with a lower number are invalid: writes were forgotten
	leans  atomic.Bool   // a handler has used context values of layers outside
	said   atomic.Bool   // that StaleWhileRevalidate is off was logged
	astray atomic.Bool   // a background revalidation did not reach the cache through the Origin

	server atomic.Value // the *http.Server of the last request
	last   atomic.Pointer[requestInfo]

	// mu is never held while other packages' code runs. It is a leaf.
	mu       sync.Mutex
	flights  map[string]*flight                  // in the air, see flight
	memos    recent[uint64, memo]                // by the hash of a flight's id
	requests recent[uint64, *requestInfo]        // how a path was last requested, by the hash of its tag
	mounts   []mount                             // what Middleware made of handlers that route themselves
	owed     map[string]uint64                   // tags to raise, with the number of the last write
	writes   uint64                              // owed so far
	closed   bool                                // no background revalidation begins
	renewals map[*flight]context.CancelCauseFunc // running
	running  sync.WaitGroup
}

// New returns a cache. It panics if the config is not valid, and lists everything that is
// wrong.
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

// Middleware puts the cache before next. Layers whose responses differ between clients
// without saying so in the header, such as authentication, belong outside of it. A time
// limit outside bounds how long a client waits, one inside how long the handler takes.
//
// The cache may wrap a router of any kind or stand inside of it, once or on each route.
// How a stale response is revalidated depends on that: see Config.Origin.
func (c *Cache) Middleware(next http.Handler) http.Handler {
	h := layer.New(next, func(w http.ResponseWriter, r *http.Request) { c.serve(w, r, next) })
	if isMux(next) || same(next, c.cfg.Origin) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.mounts = append(c.mounts, mount{h, next})
	}
	return h
}

// A mount is a handler of the cache and the handler that it wraps.
type mount struct{ handler, next http.Handler }

// isMux reports whether h routes requests itself: http.ServeMux, and handlers that routes
// can be registered with in the same way.
func isMux(h http.Handler) bool {
	switch h.(type) {
	case *http.ServeMux, interface{ Register(*http.ServeMux) }:
		return true
	}
	return false
}

// same reports whether two handlers are equal. Functions cannot be compared.
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
		case ordered, outer.within(c): // another cache's, or this one is mounted twice
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
	filled := false // by another process, and not for this request
	for range rounds {
		at := c.lookup(r, &k, outer)
		if at.use == stale && !c.background() && !flushes(w) {
			at.use = fallback // the client would wait for the revalidation anyway
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

// unshared says why the response to a request is for one client only, if the request
// shows it: it can be served from the store, but does not fill it.
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

// logPanic logs a panic that would leave no other trace.
func (c *Cache) logPanic(r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		return // net/http's own way to abort a response
	}
	problem.LogPanic(c.cfg.Logger, r, v)
}
