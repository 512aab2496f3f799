package cache

import (
	"context"
	"net/http"
	"time"
)

// A use is how a stored entry may be used.
type use int

const (
	none     use = iota
	fresh        // as it is
	stale        // as it is, while it is revalidated
	fallback     // if revalidating it fails
)

// A lookup is what the store has for a request.
type lookup struct {
	slot  string // its key, found or not
	entry *Entry // valid and for this request, or nil
	use   use
	now   time.Time
	seen  uint64 // how many flights had landed before
	epoch uint64 // of the cache before, see Cache.epoch
}

// lookup looks up an entry. A flight around this request depends on the result.
func (c *Cache) lookup(r *http.Request, k *requestKey, outer *flight) lookup {
	ctx := r.Context()
	at := lookup{slot: k.key, seen: c.landed.Load(), epoch: c.epoch.Load()}
	e, err := c.back.Get(ctx, at.slot)
	if err == nil && e != nil && len(e.Vary) > 0 {
		at.slot = variant(k.key, e.Vary, r.Header)
		e, err = c.back.Get(ctx, at.slot)
	}
	if err != nil || e == nil || !storable(e.Status) || k.credentials && !e.Policy.Public {
		return at
	}
	if !c.repay(ctx) {
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
	latest, err := c.back.Latest(ctx, e.Tags...)
	return err == nil && max(latest, c.floor.Load()) <= e.Number, err
}

// usable returns how the entry may be used at its age.
func (e *Entry) usable(now time.Time) use {
	past := e.age(now) - e.Policy.TTL
	switch {
	case past < 0:
		return fresh
	case past < e.Policy.StaleWhileRevalidate:
		return stale
	case past < e.Policy.StaleIfError:
		return fallback
	}
	return none
}

// servesOnError reports whether an entry exists that may be served in place of an error
// (RFC 5861, section 4).
func (e *Entry) servesOnError(now time.Time) bool {
	return e != nil && e.age(now)-e.Policy.TTL < e.Policy.StaleIfError
}

// age returns how old the response is, 0 if the clock of the machine that made it is
// ahead.
func (e *Entry) age(now time.Time) time.Duration { return max(now.Sub(e.Created), 0) }
