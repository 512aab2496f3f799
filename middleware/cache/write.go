package cache

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/apiece/apiece/internal/respw"
)

// serveUnkeyed runs the handler for a method of which nothing is stored.
func (c *Cache) serveUnkeyed(w http.ResponseWriter, r *http.Request, next http.Handler) {
	c.count.bypassed.Add(1)
	c.mark(w.Header(), method, "")
	if c.cfg.IgnoreWrites || safe(r.Method) {
		next.ServeHTTP(w, r)
	} else {
		c.serveWrite(w, r, next)
	}
}

// serveWrite runs a handler that changes something, and takes what is stored
// for its path to be changed if it succeeds: before the client learns that it
// did, since its next request must not be answered from before, and once more
// when the handler has returned, since what it changes may not show until then,
// as at the end of a transaction.
//
// A path of which nothing is stored, or in the air, is left alone: clients
// make up paths.
func (c *Cache) serveWrite(w http.ResponseWriter, r *http.Request, next http.Handler) {
	path, answered := pathTag(originalPath(r)), http.StatusOK
	changed := func(status int) {
		answered = status
		if changes(status) {
			ctx := context.WithoutCancel(r.Context())
			if noted, err := c.back.Noted(ctx, path); noted || err != nil {
				if _, err := c.invalidate(ctx, path); err != nil { // of which the backend makes a record
					c.owe(path)
				}
			}
		}
	}
	rw, w := respw.Wrap(w, r)
	rw.BeforeCommit(changed)
	next.ServeHTTP(w, r)
	changed(answered)
}

const (
	// maxOwed bounds the writes that are remembered while the store does not answer.
	maxOwed = 1 << 10

	// everything is owed when they are more: this process serves nothing then that is
	// from before.
	everything = "everything" // other tags have a prefix
)

// owe remembers an invalidation that the generations could not be told of. What is
// stored from before is not served until they have been.
func (c *Cache) owe(tag string) {
	c.mu.Lock()
	_, all := c.owed[everything]
	full := false
	if _, known := c.owed[tag]; !known && len(c.owed) >= maxOwed {
		tag, full = everything, !all
	}
	c.writes++
	c.owed[tag] = c.writes
	c.owes.Store(int32(len(c.owed)))
	c.mu.Unlock()
	if full {
		cmp.Or(c.cfg.Logger, slog.Default()).Error("apiece: the cache has lost track of what was written while its store did not answer: this process makes all responses again, others may serve old ones for as long as they are fresh")
	}
}

// repay tells the generations what is owed, and reports whether nothing is any
// more.
func (c *Cache) repay(ctx context.Context) bool {
	if c.owes.Load() == 0 {
		return true
	}
	c.mu.Lock()
	told := maps.Clone(c.owed)
	c.mu.Unlock()
	tags := slices.Collect(maps.Keys(told))
	n, err := c.invalidate(context.WithoutCancel(ctx), tags...)
	if err != nil {
		return false
	}
	c.mu.Lock()
	if _, all := told[everything]; all {
		c.floor.Store(max(n, c.floor.Load()))
	}
	for tag, write := range told {
		if c.owed[tag] == write { // or it was written to again meanwhile
			delete(c.owed, tag)
		}
	}
	c.owes.Store(int32(len(c.owed)))
	c.mu.Unlock()
	return true
}

// changes reports whether a request with an unsafe method that is answered with
// the status has changed something: not if it is to be sent to another place as
// it is, by which routers answer what no handler was asked for.
func changes(status int) bool {
	return status >= 200 && status < 400 &&
		status != http.StatusNotModified && status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect
}

// invalidate makes what has one of the tags, and a number below n, invalid.
func (c *Cache) invalidate(ctx context.Context, tags ...string) (n uint64, err error) {
	defer c.epoch.Add(1)
	if n, err = c.back.Next(ctx); err != nil {
		return 0, err
	}
	if err = c.back.Raise(ctx, n, tags...); err == nil {
		c.count.invalidated.Add(1)
	}
	return n, err
}
