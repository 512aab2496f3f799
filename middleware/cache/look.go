package cache

import (
	"context"
	"net/http"
	"time"
)

// What an entry that was found may be used for.
type use int

const (
	none     use = iota
	fresh        // as it is
	stale        // as it is, while it is made anew
	fallback     // if making it anew fails
)

// found is what the store had for a request.
type found struct {
	slot  string // where it was, or would have been
	entry *Entry // valid and for this request, or nil
	use   use
	now   time.Time
}

// look looks for an entry. A fill around this request depends on what is found.
func (c *Cache) look(r *http.Request, t *target, outer *fill) (found, error) {
	ctx := r.Context()
	at := found{slot: t.key}
	e, err := c.back.Get(ctx, at.slot)
	if err == nil && e != nil && len(e.Vary) > 0 {
		at.slot = variant(t.key, e.Vary, r.Header)
		e, err = c.back.Get(ctx, at.slot)
	}
	if err != nil || e == nil || e.Status == 0 || t.credentials && !e.Policy.Public {
		return at, err
	}
	if valid, err := c.valid(ctx, e); !valid {
		return at, err
	}
	at.now = time.Now()
	at.entry = e
	at.use = e.usable(at.now)
	outer.inherit(e)
	return at, nil
}

// valid reports whether nothing that the entry was made of has been invalidated
// since its run began. Every request asks that itself of what it is given, once
// it is given it: so nobody gets an answer older than an invalidation that was
// complete when the request arrived.
func (c *Cache) valid(ctx context.Context, e *Entry) (bool, error) {
	latest, err := c.back.Latest(ctx, e.Tags...)
	return err == nil && latest <= e.Number, err
}

// record returns the names that the responses of a URL vary with, nil if they
// are not known to.
func (c *Cache) record(ctx context.Context, key string) *Entry {
	e, _ := c.back.Get(ctx, key)
	if e == nil || len(e.Vary) == 0 || e.Status != 0 {
		return nil
	}
	return e
}

// usable says what the entry is good for at its age.
func (e *Entry) usable(now time.Time) use {
	past := now.Sub(e.Created) - e.Policy.TTL
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

// standsIn reports whether the entry, if there is one, may be served in place
// of an error.
func (e *Entry) standsIn(now time.Time) bool {
	return e != nil && now.Sub(e.Created)-e.Policy.TTL < e.Policy.StaleIfError
}
