package cache

import (
	"context"
	"net/http"
	"time"
)

// A lookup is what the store has for a request.
type lookup struct {
	storeKey       string // its key, found or not
	entry          *Entry // valid and for this request, or nil
	use            use
	now            time.Time
	settledFlights uint64 // Cache.settledFlights before
	epoch          uint64 // Cache.epoch before
}

// lookup looks up an entry. A flight around this request depends on the result.
func (c *Cache) lookup(r *http.Request, k *requestKey, outer *flight) lookup {
	ctx := r.Context()
	at := lookup{storeKey: k.key, settledFlights: c.settledFlights.Load(), epoch: c.epoch.Load()}
	e, err := c.backend.Get(ctx, at.storeKey)
	if err == nil && e != nil && len(e.Vary) > 0 {
		at.storeKey = variant(k.key, e.Vary, r.Header)
		e, err = c.backend.Get(ctx, at.storeKey)
	}
	if err != nil || e == nil || !storable(e.Status) || k.credentials && !e.Lifetime.Public {
		return at
	}
	if !c.raisePending(ctx) {
		return at
	}
	valid, _ := c.valid(ctx, e)
	if !valid {
		return at
	}
	at.now = time.Now()
	at.entry = e
	at.use = e.usable(at.now)
	outer.inherit(e)
	return at
}

// valid reports whether nothing that the entry was made of has been invalidated since its
// run began. Every request checks that itself, after it got the entry: so no client gets
// a response older than an invalidation that was complete when its request arrived.
func (c *Cache) valid(ctx context.Context, e *Entry) (bool, error) {
	latest, err := c.backend.Latest(ctx, e.Tags...)
	return err == nil && max(latest, c.floor.Load()) <= e.Number, err
}
