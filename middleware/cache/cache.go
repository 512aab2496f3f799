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
)

// What happens to a request, from the top down:
//
//	keyOf         key.go            what the cache tells requests apart by, or why it bypasses the cache
//	lookup        lookup.go         asks the store for the entry, and the generations whether it is valid
//	sendStored    send.go           a fresh entry is sent; a stale one too, and is then revalidated
//	                                  (revalidateStale in revalidate_background.go)
//	join          collapse.go       else one request leads a flight, and others for the response wait
//	flight.run    flight.go         runs the handler on behalf of all of them
//	recorder      recorder.go       is its ResponseWriter, and decides by the header whether the response
//	                                  may be shared (mayStore in storable.go)
//	flight.store  flight_store.go   makes an entry of the response and stores it
//	settle        flight_result.go  gives the result to the requests that wait
//	send          send.go           sends the entry to each client
//
// If the response may not be shared, the recorder goes live: from then on the response is
// between this client and the handler, and waiting requests run the handler themselves.
// Otherwise it is held back until it is whole, or sent as it comes if it is flushed.
//
// Each bypass and each response that is not stored has one of the reasons (reasons.go);
// what is remembered of a key is its memo (flight_memo.go); the states of a response are
// those of the recorder, and the states of a store that does not respond are those of the
// backend (store_backend.go).

// A Cache stores responses and serves them again. Make one with [New]; one serves any
// number of routes.
type Cache struct {
	cfg     Config
	backend *backend
	count   counters
	seed    maphash.Seed
	born    time.Time

	// epoch counts the invalidations of this process, so that requests waiting for a
	// flight know of one even if the generations are down.
	epoch, settledFlights atomic.Uint64

	pendingCount    atomic.Int32  // len(pending)
	floor           atomic.Uint64 // entries with a lower number are invalid: invalidations were lost
	outerValuesUsed atomic.Bool   // a handler has used context values of layers outside
	noStaleLogged   atomic.Bool   // that StaleWhileRevalidate is off was logged
	originMissed    atomic.Bool   // a background revalidation did not reach the cache through the Origin

	server      atomic.Value // the *http.Server of the last request
	lastRequest atomic.Pointer[requestInfo]

	// mu is never held while other packages' code runs. It is a leaf.
	mu            sync.Mutex
	flights       map[string]*flight                  // running, see flight
	memos         recent[uint64, memo]                // by the hash of a flight's id
	requests      recent[uint64, *requestInfo]        // how a path was last requested, by the hash of its tag
	mounts        []mount                             // what Middleware made of handlers that route themselves
	pending       map[string]uint64                   // tags to raise, with the number of the last write
	pendingSeq    uint64                              // writes so far
	closed        bool                                // no background revalidation begins
	revalidations map[*flight]context.CancelCauseFunc // running
	running       sync.WaitGroup
}

// New returns a cache. It panics if the config is not valid, and lists everything that is
// wrong.
func New(cfg Config) *Cache {
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.BodyLimit = cmp.Or(cfg.BodyLimit, defaultBodyLimit)
	cfg.PostBodyLimit = cmp.Or(cfg.PostBodyLimit, defaultPostBodyLimit)
	cfg.FillTimeout = cmp.Or(cfg.FillTimeout, defaultFillTimeout)
	cfg.Query = slices.Clone(cfg.Query)
	cfg.StatusHeader = http.CanonicalHeaderKey(cfg.StatusHeader)
	return &Cache{
		cfg:           cfg,
		backend:       newBackend(cfg),
		seed:          maphash.MakeSeed(),
		born:          time.Now(),
		flights:       make(map[string]*flight),
		pending:       make(map[string]uint64),
		revalidations: make(map[*flight]context.CancelCauseFunc),
		memos:         recent[uint64, memo]{max: maxRemembered},
		requests:      recent[uint64, *requestInfo]{max: maxRemembered},
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
	if isMux(next) || sameHandler(next, c.cfg.Origin) {
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

// sameHandler reports whether two handlers are equal. Functions cannot be compared.
func sameHandler(a, b http.Handler) bool {
	return a != nil && b != nil && reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && a == b
}

func (c *Cache) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	defer exchange.RemoveFiles(r, r.MultipartForm)
	outer := flightOf(r.Context())
	if outer != nil {
		switch isOwn := outer.revalidation != nil && !outer.revalidation.reached.Load(); {
		case isOwn && outer.cache == c:
			c.serveRevalidation(outer, w, r, next)
			return
		case isOwn, outer.belongsTo(c): // another cache's, or this one is mounted twice
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
		c.bypass(w, r, next, &k, fwdRequest+why.detail())
		return
	}
	if c.lastRequest.Load() == nil {
		c.noteServer(r)
	}
	filled := false // by another process, and not for this request
	for range rounds {
		at := c.lookup(r, &k, outer)
		if at.use == stale && !c.canRevalidateInBackground() && !flushes(w) {
			at.use = fallback // the client would wait for the revalidation anyway
			c.logNoStale()
		}
		switch {
		case at.use == fresh, at.use == fallback && c.paused(&k, &at):
			c.sendStored(w, r, at.entry, at.now)
			return
		case at.use == stale:
			after := c.revalidateStale(w, r, next, &k, at)
			c.sendStored(w, r, at.entry, at.now)
			if after != nil {
				after()
			}
			return
		}
		if k.withheld && c.isPublicRevoked(&k) {
			k.withheld = false
		}
		if why := unshared(r, &k); why != kept {
			c.bypass(w, r, next, &k, forwarded(at.entry != nil)+why.detail())
			return
		}
		f, leads, why := c.join(k, at)
		switch {
		case f == nil:
			c.bypass(w, r, next, &k, forwarded(at.entry != nil)+why.detail())
			return
		case leads && c.lead(f, w, r, next, at, &filled):
			return
		case leads:
		case c.wait(f, w, r, next, &k, at):
			c.count.misses.Add(1)
			return
		}
	}
	c.bypass(w, r, next, &k, fwdBypass+byRounds.detail())
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

// bypass runs the handler for this client alone.
func (c *Cache) bypass(w http.ResponseWriter, r *http.Request, next http.Handler, k *requestKey, status string) {
	c.count.bypassed.Add(1)
	c.addCacheStatus(w.Header(), status, "")
	if r.URL.RawQuery == k.query && !k.withheld && !k.post {
		next.ServeHTTP(w, r)
		return
	}
	in := r.WithContext(r.Context())
	k.stripUnkeyed(in)
	defer exchange.HandBack(r, in)
	next.ServeHTTP(w, in)
}
