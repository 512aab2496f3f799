package cache

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"

	"github.com/apiece/apiece/internal/response"
)

// serveUnkeyed runs the handler for a method whose responses are not stored.
func (c *Cache) serveUnkeyed(w http.ResponseWriter, r *http.Request, next http.Handler) {
	c.count.bypassed.Add(1)
	c.addCacheStatus(w.Header(), fwdMethod, "")
	if c.cfg.IgnoreWrites || isSafe(r.Method) {
		next.ServeHTTP(w, r)
	} else {
		c.serveWrite(w, r, next)
	}
}

// serveWrite runs a handler for an unsafe method, and invalidates the stored responses of
// its path if it succeeds. It does so twice: before the client learns of the success,
// since its next request must not get an older response; and after the handler has
// returned, since the change may not be visible until then, as at the end of a
// transaction.
//
// A path without a stored response or a running flight is left alone: clients can make up
// any number of paths.
func (c *Cache) serveWrite(w http.ResponseWriter, r *http.Request, next http.Handler) {
	path, answered := pathTag(originalPath(r)), http.StatusOK
	changed := func(status int) {
		answered = status
		if changes(status) {
			ctx := context.WithoutCancel(r.Context())
			if noted, err := c.backend.Noted(ctx, path); noted || err != nil {
				if _, err := c.invalidate(ctx, path); err != nil { // the backend logs it
					c.deferInvalidation(path)
				}
			}
		}
	}
	rw, w := response.Wrap(w, r)
	rw.BeforeCommit(changed)
	next.ServeHTTP(w, r)
	changed(answered)
}

const (
	// maxPending bounds the writes that are remembered while the store does not respond.
	maxPending = 1 << 10

	// everything is pending if there are more: this process then serves nothing older.
	everything = "everything" // other tags have a prefix
)

// deferInvalidation remembers an invalidation that the generations did not take. Older
// stored responses are not served until they do.
func (c *Cache) deferInvalidation(tag string) {
	c.mu.Lock()
	_, all := c.pending[everything]
	full := false
	if _, known := c.pending[tag]; !known && len(c.pending) >= maxPending {
		tag, full = everything, !all
	}
	c.pendingSeq++
	c.pending[tag] = c.pendingSeq
	c.pendingCount.Store(int32(len(c.pending)))
	c.mu.Unlock()
	if full {
		cmp.Or(c.cfg.Logger, slog.Default()).Error("apiece: cache: too many invalidations while the store did not respond: this process serves no earlier response, other processes may until they are stale")
	}
}

// raisePending raises what is pending in the generations, and reports whether nothing is
// left.
func (c *Cache) raisePending(ctx context.Context) bool {
	if c.pendingCount.Load() == 0 {
		return true
	}
	c.mu.Lock()
	pending := maps.Clone(c.pending)
	c.mu.Unlock()
	tags := slices.Collect(maps.Keys(pending))
	n, err := c.invalidate(context.WithoutCancel(ctx), tags...)
	if err != nil {
		return false
	}
	c.mu.Lock()
	if _, all := pending[everything]; all {
		c.floor.Store(max(n, c.floor.Load()))
	}
	for tag, write := range pending {
		if c.pending[tag] == write { // unless another write came in between
			delete(c.pending, tag)
		}
	}
	c.pendingCount.Store(int32(len(c.pending)))
	c.mu.Unlock()
	return true
}

// changes reports whether an unsafe request with this response status has changed
// something. A redirect that keeps the method has not: routers send it without calling a
// handler.
func changes(status int) bool {
	return status >= 200 && status < 400 &&
		status != http.StatusNotModified && status != http.StatusTemporaryRedirect && status != http.StatusPermanentRedirect
}

// invalidate invalidates entries that have one of the tags and a number below n.
func (c *Cache) invalidate(ctx context.Context, tags ...string) (n uint64, err error) {
	defer c.epoch.Add(1)
	if n, err = c.backend.Next(ctx); err != nil {
		return 0, err
	}
	if err = c.backend.Raise(ctx, n, tags...); err == nil {
		c.count.invalidated.Add(1)
	}
	return n, err
}
