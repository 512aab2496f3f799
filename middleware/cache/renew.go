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

// renew begins to revalidate a stale entry. It returns what is left to do after the
// response was sent, nil if nothing is.
func (c *Cache) renew(w http.ResponseWriter, r *http.Request, next http.Handler, k *requestKey, at lookup) (after func()) {
	if c.background() {
		if origin, err := c.origin(); err == nil {
			if f := c.enterRenewal(r, k, at); f != nil {
				c.renewThrough(origin, f, r)
			}
			return nil
		}
	}
	key, outside := *k, w.Header().Clone() // using k itself would allocate it for each hit
	return func() {
		_ = http.NewResponseController(w).Flush()
		f := c.enterRenewal(r, &key, at) // not earlier: the client may be slow
		if f == nil {
			return
		}
		defer c.settle(f, result{outcome: retry}) // no-op if it is settled
		f.outside = outside
		ctx, cancel := context.WithCancelCause(context.WithoutCancel(r.Context()))
		defer cancel(nil)
		if !c.begin(f, cancel) {
			return
		}
		defer c.end(f)
		own := r.WithContext(ctx)
		if !f.key.post {
			own.Method, own.Body = http.MethodGet, http.NoBody
		}
		if !c.lock(ctx, f) {
			return
		}
		f.start(r, ctx)
		rec, inner := newRecorder(f, &nowhere{header: make(http.Header)}, own, true)
		_, _ = f.run(next, rec, inner, own)
	}
}

// enterRenewal returns the flight that revalidates a stale entry, or nil if one is
// running, has just failed, or is done.
func (c *Cache) enterRenewal(r *http.Request, k *requestKey, at lookup) *flight {
	if c.paused(k, &at) {
		return nil
	}
	f, leads, _ := c.enter(*k, at)
	switch {
	case !leads:
		return nil
	case c.overtaken(f, r, at):
		c.settle(f, result{outcome: retry})
		return nil
	}
	return f
}

// background reports whether revalidations have a request and a context of their own.
func (c *Cache) background() bool {
	if c.astray.Load() || c.cfg.Origin == nil && c.leans.Load() {
		return false
	}
	_, err := c.origin()
	return err == nil
}

// sayOnce logs that StaleWhileRevalidate is off.
func (c *Cache) sayOnce() {
	if !c.said.Swap(true) {
		cmp.Or(c.cfg.Logger, slog.Default()).Warn("apiece: StaleWhileRevalidate is off: the cache has no Origin to renew responses from, and stands behind a ResponseWriter that cannot flush")
	}
}

// renewThrough sends a request of the cache's own through origin.
func (c *Cache) renewThrough(origin http.Handler, f *flight, r *http.Request) {
	ctx, cancel := context.WithCancelCause(c.ownContext(r.Context()))
	if !c.begin(f, cancel) {
		cancel(nil)
		return
	}
	node := &exchange.Node{Context: ctx}
	if n := exchange.Find(r.Context()); n != nil { // the layers outside have reported their errors already
		node.Said = n.Said
	}
	f.order = &order{renewal: true}
	node.Set(exchange.Cache, f)
	own := f.key.request(r).WithContext(node)
	go func() {
		defer c.end(f)
		defer cancel(nil)
		defer c.settle(f, result{outcome: retry}) // no-op if it is settled
		if !c.lock(ctx, f) {
			return
		}
		w := &nowhere{header: make(http.Header)}
		returned := c.survives(origin, w, own)
		if f.order.report.Load() == nil && returned && !f.order.reached.Load() && !c.astray.Swap(true) {
			cmp.Or(c.cfg.Logger, slog.Default()).Warn(
				"apiece: a renewal did not come back to the cache through its Origin: responses are renewed within the requests of their readers",
				"path", f.key.uri, "status", w.status)
		}
		if f.order.report.Load() == nil {
			c.remember(f, serverError) // pause before the next attempt
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
func (k *requestKey) request(r *http.Request) *http.Request {
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
		k.narrow(own)
	}
	return own
}

// begin registers a background revalidation, or ends it and reports false after Shutdown.
func (c *Cache) begin(f *flight, cancel context.CancelCauseFunc) bool {
	c.mu.Lock()
	shut := c.closed
	if !shut {
		c.renewals[f] = cancel
		c.running.Add(1)
	}
	c.mu.Unlock()
	if shut {
		c.settle(f, result{outcome: retry})
	}
	return !shut
}

func (c *Cache) end(f *flight) {
	c.mu.Lock()
	delete(c.renewals, f)
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
	cancels := make([]context.CancelCauseFunc, 0, len(c.renewals))
	for _, cancel := range c.renewals {
		cancels = append(cancels, cancel)
	}
	c.mu.Unlock()
	for _, cancel := range cancels {
		cancel(errShutdown)
	}
	return context.Cause(ctx)
}

// survives runs a handler without a client, and reports whether it returned. It logs a
// panic.
func (c *Cache) survives(h http.Handler, w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(r, v)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}

// fulfill runs the handler for the cache's own request when that arrives.
func (c *Cache) fulfill(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler) {
	k, why := c.keyOf(r)
	if f.order.renewal && (why != kept || k.key != f.key.key) {
		return // not what the client requested
	}
	f.order.reached.Store(true)
	var did report
	if why != kept {
		did.reason = "a layer around the handler has made it a request that is not cached: " + why.String()
	} else {
		f.key = k
		did = c.remake(f, w, r, next)
	}
	f.order.report.Store(&did)
}

// remake runs the handler and stores its response, or returns why not.
func (c *Cache) remake(f *flight, w http.ResponseWriter, r *http.Request, next http.Handler) report {
	if f.order.cached {
		e, err := c.back.Get(r.Context(), f.key.key)
		if err != nil {
			return report{reason: storeFailed.String(), cause: err}
		}
		if e == nil {
			return report{}
		}
	}
	f.start(r, r.Context())
	rec, inner := newRecorder(f, w, r, true)
	e, err := f.run(next, rec, inner, r)
	if e != nil {
		c.send(w, r, e, request+"revalidated", "REVALIDATED", time.Now()) // for layers around that look at it
	}
	switch {
	case err != nil:
		return report{reason: "the handler did not answer", cause: err}
	case rec.why != kept:
		return report{status: rec.status, why: rec.why, reason: rec.why.of(rec.status)}
	case f.order.renewal:
		return report{}
	}
	// From here on all older entries are invalid.
	if err := c.back.Raise(context.WithoutCancel(r.Context()), f.number, e.Tags[0]); err != nil {
		return report{status: rec.status, reason: versionsFailed.String(), cause: err}
	}
	c.epoch.Add(1)
	c.count.invalidated.Add(1)
	return report{}
}
