package cache

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/problem"
)

// How a stale response is revalidated in the background.
//
// A handler may read whatever the layers outside of it keep for a request, and routers
// reuse that for another request as soon as they have returned. So a revalidation never
// outlives the request that started it, unless it has a request and a context of its own
// that pass through all layers which affect the response: from the Origin, or from the
// one mux that the cache wraps if its handlers are known to use no values of the layers
// outside.
//
// Without either, the client is sent the old response, it is flushed, and then, before
// ServeHTTP returns, the handler runs. With a writer that cannot flush the client would
// wait for that; there a stale response is served only in place of an error, which is
// logged once.

var errShutdown = errors.New("cache: shut down")

// revalidateStale begins to revalidate a stale entry. It returns what is left to do after
// the response was sent, nil if nothing is.
func (c *Cache) revalidateStale(w http.ResponseWriter, r *http.Request, next http.Handler, k *requestKey, at lookup) (after func()) {
	if c.canRevalidateInBackground() {
		if origin, err := c.origin(); err == nil {
			if f := c.leadRevalidation(r, k, at); f != nil {
				c.revalidateThrough(origin, f, r)
			}
			return nil
		}
	}
	key, outerHeader := *k, w.Header().Clone() // using k itself would allocate it for each hit
	return func() {
		_ = http.NewResponseController(w).Flush()
		f := c.leadRevalidation(r, &key, at) // not earlier: the client may be slow
		if f == nil {
			return
		}
		defer f.settle(result{outcome: retry}) // no-op if it is settled
		f.outerHeader = outerHeader
		ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
		defer cancel(nil)
		if !f.beginBackground(cancel) {
			return
		}
		defer f.endBackground()
		own := r.WithContext(ctx)
		if !f.key.post {
			own.Method, own.Body = http.MethodGet, http.NoBody
		}
		if !f.acquireLock(ctx) {
			return
		}
		f.start(r, ctx)
		f.node.SetDetached()
		rec, inner := newRecorder(f, &discardWriter{header: make(http.Header)}, own, true)
		_, _ = f.run(next, rec, inner, own)
	}
}

// leadRevalidation returns the flight that revalidates a stale entry, or nil if one is
// running, has just failed, or is done.
func (c *Cache) leadRevalidation(r *http.Request, k *requestKey, at lookup) *flight {
	if c.paused(k, &at) {
		return nil
	}
	f, leads, _ := c.join(*k, at)
	switch {
	case !leads:
		return nil
	case f.overtaken(r, at):
		f.settle(result{outcome: retry})
		return nil
	}
	return f
}

// canRevalidateInBackground reports whether revalidations have a request and a context of
// their own.
func (c *Cache) canRevalidateInBackground() bool {
	if c.originMissed.Load() || c.cfg.Origin == nil && c.outerValuesUsed.Load() {
		return false
	}
	_, err := c.origin()
	return err == nil
}

// logNoStale logs that StaleWhileRevalidate is off.
func (c *Cache) logNoStale() {
	if !c.noStaleLogged.Swap(true) {
		cmp.Or(c.cfg.Logger, slog.Default()).Warn("apiece: cache: stale-while-revalidate is off: there is no usable Config.Origin, and the ResponseWriter cannot flush")
	}
}

// revalidateThrough sends a request of the cache's own through origin.
func (c *Cache) revalidateThrough(origin http.Handler, f *flight, r *http.Request) {
	ctx, cancel := context.WithCancelCause(c.ownContext(r.Context()))
	if !f.beginBackground(cancel) {
		cancel(nil)
		return
	}
	node := &exchange.Node{Context: ctx}
	node.SetDetached()
	if n := exchange.Find(r.Context()); n != nil { // the layers outside have reported their errors already
		node.Defaults = n.Defaults
	}
	f.revalidation = &revalidation{background: true}
	node.Set(exchange.Cache, f)
	own := f.key.ownRequest(r).WithContext(node)
	go func() {
		defer f.endBackground()
		defer cancel(nil)
		defer f.settle(result{outcome: retry}) // no-op if it is settled
		if !f.acquireLock(ctx) {
			return
		}
		w := &discardWriter{header: make(http.Header)}
		returned := c.serveRecovered(origin, w, own)
		if f.revalidation.result.Load() == nil && returned && !f.revalidation.reached.Load() && !c.originMissed.Swap(true) {
			cmp.Or(c.cfg.Logger, slog.Default()).Warn(
				"apiece: cache: background revalidation did not reach the cache through Config.Origin: requests revalidate their stale responses",
				"path", f.key.uri, "status", w.status)
		}
		if f.revalidation.result.Load() == nil {
			f.remember(serverError) // pause before the next attempt
		}
	}()
}

// ownContext returns a context with no values except the server's.
func (c *Cache) ownContext(ctx context.Context) context.Context {
	own := context.Background()
	for _, key := range []any{http.ServerContextKey, http.LocalAddrContextKey} {
		if v := ctx.Value(key); v != nil {
			own = context.WithValue(own, key, v)
		}
	}
	return c.withServer(own)
}

// withServer returns ctx with a server in it. Handlers check for it: without one
// httputil.ReverseProxy does not report that a response was cut off.
func (c *Cache) withServer(ctx context.Context) context.Context {
	if ctx.Value(http.ServerContextKey) != nil {
		return ctx
	}
	server := c.server.Load()
	if server == nil {
		server = noServer{}
	}
	return context.WithValue(ctx, http.ServerContextKey, server)
}

// noServer is the server in contexts when none is known.
type noServer struct{}

// request returns a request for the same response as r, in the form the server had it,
// that shares no mutable state with r.
func (k *requestKey) ownRequest(r *http.Request) *http.Request {
	u, err := url.ParseRequestURI(r.RequestURI)
	if err != nil {
		copied := *r.URL // not from a server
		u = &copied
	}
	own := &http.Request{
		Method: http.MethodGet, URL: u, RequestURI: r.RequestURI, Host: r.Host, RemoteAddr: r.RemoteAddr, TLS: r.TLS,
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: r.Header.Clone(), Body: http.NoBody,
	}
	for _, name := range []string{"Range", "If-Range", "If-None-Match", "If-Modified-Since", "Content-Length"} {
		delete(own.Header, name)
	}
	if k.post {
		own.Method = http.MethodPost
		k.stripUnkeyed(own)
	}
	return own
}

// beginBackground registers a background revalidation, or ends it and reports false after
// Shutdown.
func (f *flight) beginBackground(cancel context.CancelCauseFunc) bool {
	c := f.cache
	c.mu.Lock()
	shut := c.closed
	if !shut {
		c.revalidations[f] = cancel
		c.running.Add(1)
	}
	c.mu.Unlock()
	if shut {
		f.settle(result{outcome: retry})
	}
	return !shut
}

func (f *flight) endBackground() {
	c := f.cache
	c.mu.Lock()
	delete(c.revalidations, f)
	c.mu.Unlock()
	c.running.Done()
}

// Shutdown stops new background revalidations, and waits for the running ones. If ctx
// ends first it cancels them, and returns its error without waiting further. Requests are
// served as before, but stale entries stay stale. Call it after http.Server.Shutdown. No
// other goroutines outlive a request.
func (c *Cache) Shutdown(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	idle := make(chan struct{})
	go func() { c.running.Wait(); close(idle) }()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	cancels := make([]context.CancelCauseFunc, 0, len(c.revalidations))
	for _, cancel := range c.revalidations {
		cancels = append(cancels, cancel)
	}
	c.mu.Unlock()
	for _, cancel := range cancels {
		cancel(errShutdown)
	}
	return context.Cause(ctx)
}

// serveRecovered runs a handler without a client, and reports whether it returned. It
// logs a panic.
func (c *Cache) serveRecovered(h http.Handler, w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler {
			problem.LogPanic(c.cfg.Logger, r, v)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// serveRevalidation runs the handler for the cache's own request when that arrives.
func (c *Cache) serveRevalidation(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler) {
	k, why := c.keyOf(r)
	if f.revalidation.background && (why != kept || k.key != f.key.key) {
		return // not what the client requested
	}
	f.revalidation.reached.Store(true)
	var res revalidationResult
	if why != kept {
		res.reason = "a layer outside of the cache changed the request: " + why.String()
	} else {
		f.key = k
		res = c.runRevalidation(f, w, r, next)
	}
	f.revalidation.result.Store(&res)
}

// runRevalidation runs the handler and stores its response, or returns why not.
func (c *Cache) runRevalidation(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler) revalidationResult {
	if f.revalidation.onlyCached {
		e, err := c.backend.Get(r.Context(), f.key.key)
		if err != nil {
			return revalidationResult{reason: storeFailed.String(), cause: err}
		}
		if e == nil {
			return revalidationResult{}
		}
	}
	f.start(r, r.Context())
	rec, inner := newRecorder(f, w, r, true)
	e, err := f.run(next, rec, inner, r)
	if e != nil {
		c.send(w, r, e, fwdRequest+"; detail=revalidated", "REVALIDATED", time.Now()) // for layers around that look at it
	}
	switch {
	case err != nil:
		return revalidationResult{reason: "no response", cause: err}
	case rec.why != kept:
		return revalidationResult{status: rec.status, why: rec.why, reason: rec.why.String()}
	case f.revalidation.background:
		return revalidationResult{}
	}
	// From here on all older entries are invalid.
	if err := c.backend.Raise(context.WithoutCancel(r.Context()), f.number, e.Tags[0]); err != nil {
		return revalidationResult{status: rec.status, reason: generationsFailed.String(), cause: err}
	}
	c.epoch.Add(1)
	c.count.invalidated.Add(1)
	return revalidationResult{}
}
