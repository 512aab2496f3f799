package cache

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/apiece/apiece/internal/exchange"
)

// ErrNoOrigin is what [Cache.Revalidate] returns when there is nothing to send
// its request to: Config.Origin is nil, and the cache does not stand around one
// mux.
var ErrNoOrigin = errors.New("cache: Revalidate needs a Config.Origin")

// A RevalidateError says why [Cache.Revalidate] has not stored a new answer. The
// old one stays.
type RevalidateError struct {
	// Path is what was to be made anew.
	Path string
	// Status is that of the answer, 0 if there was none.
	Status int
	// Reason is why it was not stored.
	Reason string
	cause  error
}

// Error returns the text for the log.
func (e *RevalidateError) Error() string {
	text := fmt.Sprintf("cache: failed to revalidate %s: %s", e.Path, e.Reason)
	if e.Status != 0 {
		text += fmt.Sprintf(" (status %d)", e.Status)
	}
	if e.cause != nil {
		text += ": " + e.cause.Error()
	}
	return text
}

func (e *RevalidateError) Unwrap() error { return e.cause }

// An order is a revalidation on its way through Config.Origin to the cache. Some
// layer on the way may hand it to another goroutine and not wait for that.
type order struct {
	cached  bool        // only if something is stored
	reached atomic.Bool // the cache
	report  atomic.Pointer[report]
}

// A report is what became of an order: all is well if there is no reason.
type report struct {
	status int
	reason string
	cause  error
}

// attempts is how often a revalidation runs if something is invalidated while it
// does.
const attempts = 3

// A requested is how a path was asked for.
type requested struct {
	host   string
	tls    bool
	header http.Header // the steering fields
}

// Revalidate makes the response of a path anew, now, and returns when it is
// stored. Until then, and if that fails, readers get the old one. All others of
// the same path, for other queries and variants, are void with the new one, and
// are made anew when they are asked for. It is Next's res.revalidate.
//
// The path begins with a slash and may have a query. It is asked for with a GET
// request without cookies, in this process, through Config.Origin. What a 404
// or 410 says is stored like a page. If no new answer is stored the error
// is a [*RevalidateError], or [ErrNoOrigin]: an answer of 500 or more, one
// that may not be stored, or a path without a route. ctx bounds the run,
// besides FillTimeout.
func (c *Cache) Revalidate(ctx context.Context, path string) error {
	return c.revalidate(ctx, path, false)
}

// RevalidateCached is Revalidate for a path of which something is stored; else
// it does nothing. Next.js: unstable_onlyGenerated.
func (c *Cache) RevalidateCached(ctx context.Context, path string) error {
	return c.revalidate(ctx, path, true)
}

// InvalidateTag makes void whatever was made with one of the tags: when it has
// returned without an error, none of that is served again. What is asked for is
// made anew, once for all who ask. Next.js: updateTag; revalidateTag serves the old
// for a while.
func (c *Cache) InvalidateTag(ctx context.Context, tags ...string) error {
	own := make([]string, len(tags))
	for i, tag := range tags {
		own[i] = tagPrefix + tag
	}
	if err := c.raise(ctx, own...); err != nil {
		return fmt.Errorf("cache: failed to invalidate %q: %w", tags, err)
	}
	return nil
}

func (c *Cache) revalidate(ctx context.Context, path string, cached bool) error {
	if !strings.HasPrefix(path, "/") {
		return &RevalidateError{Path: path, Reason: "a path begins with a slash"}
	}
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return &RevalidateError{Path: path, Reason: "this is no path", cause: err}
	}
	origin, err := c.origin()
	if err != nil {
		return err
	}
	var did report
	for range attempts {
		if did = c.carryOut(ctx, cached, origin, u); did.reason != reasonVoid {
			break
		}
	}
	if did.reason == "" {
		return nil
	}
	return &RevalidateError{Path: path, Status: did.status, Reason: did.reason, cause: did.cause}
}

// carryOut sends the request of a revalidation on its way.
func (c *Cache) carryOut(ctx context.Context, cached bool, origin http.Handler, u *url.URL) report {
	// The number comes before everything: what is invalidated from here on is
	// newer than what will be stored.
	number, err := c.back.Next(ctx)
	if err != nil {
		return report{reason: reasonGenerations, cause: err}
	}
	o := &order{cached: cached}
	ctx = exchange.Detach(ctx)
	exchange.Find(ctx).Set(exchange.Cache, &fill{cache: c, order: o, number: number, done: make(chan struct{})})
	w := &nowhere{header: make(http.Header)}
	returned := c.survives(origin, w, c.request(ctx, u))
	did := o.report.Load()
	switch {
	case !returned:
		return report{reason: "a layer around the handler panicked"}
	case did != nil:
		return *did
	case o.reached.Load():
		return report{status: w.status, reason: "a layer around the handler did not wait for it"}
	}
	return report{status: w.status, reason: "no handler behind this cache was reached"}
}

// origin returns what serves the requests of the cache's own.
func (c *Cache) origin() (http.Handler, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.cfg.Origin != nil:
		return c.cfg.Origin, nil
	case len(c.mounts) == 1:
		return c.mounts[0], nil
	}
	return nil, ErrNoOrigin
}

// request makes the request of a revalidation, as the server would have.
func (c *Cache) request(ctx context.Context, u *url.URL) *http.Request {
	c.mu.Lock()
	as, _ := c.hosts.get(pathTag(u.EscapedPath()))
	c.mu.Unlock()
	if as == nil {
		as = c.last.Load()
	}
	r := (&http.Request{
		Method: http.MethodGet, URL: u, RequestURI: u.RequestURI(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: make(http.Header), Body: http.NoBody,
	}).WithContext(ctx)
	if as != nil {
		r.Host, r.Header = as.host, as.header.Clone()
		if as.tls {
			r.TLS = new(tls.ConnectionState)
		}
	}
	if c.cfg.Host != "" {
		r.Host = c.cfg.Host
	}
	return r
}

// noteHost remembers how a path was asked for, so that a revalidation makes
// what readers will ask for. Whoever makes up hosts gets their own variants
// renewed; the others are void all the same.
func (c *Cache) noteHost(r *http.Request, t target) {
	as := asRequested(r)
	c.last.Store(as)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts.set(pathTag(t.uri), as)
}

func asRequested(r *http.Request) *requested {
	as := &requested{host: r.Host, tls: r.TLS != nil, header: make(http.Header)}
	for _, name := range steering {
		if values := r.Header[name]; values != nil {
			as.header[name] = slices.Clone(values)
		}
	}
	return as
}

// fulfil runs the handler for a revalidation that has arrived at the cache.
func (c *Cache) fulfil(f *fill, w http.ResponseWriter, r *http.Request, next http.Handler) {
	f.order.reached.Store(true)
	did := c.remake(f, w, r, next)
	f.order.report.Store(&did)
}

func (c *Cache) remake(f *fill, w http.ResponseWriter, r *http.Request, next http.Handler) report {
	var ok bool
	if f.target, ok = c.target(r); !ok {
		return report{reason: "a layer around the handler has made it a request that is not cached"}
	}
	if f.order.cached {
		e, err := c.back.Get(r.Context(), f.target.key)
		if err != nil {
			return report{reason: reasonStore, cause: err}
		}
		if e == nil {
			return report{}
		}
	}
	if err := f.start(r.Context()); err != nil {
		return report{reason: reasonGenerations, cause: err}
	}
	rec, inner := newRecorder(f, w, r)
	rec.alone = true
	e, err := f.run(next, rec, inner, r)
	if e != nil {
		c.send(w, r, e, asked, "REVALIDATED", "") // for layers around that want to see it
	}
	switch {
	case err != nil:
		return report{reason: "the handler did not answer", cause: err}
	case rec.verdict != keep:
		return report{status: rec.status, reason: rec.reason}
	}
	// From here on all that is older is void.
	if err := c.back.Raise(context.WithoutCancel(r.Context()), f.number, e.Tags[0]); err != nil {
		return report{status: rec.status, reason: reasonGenerations, cause: err}
	}
	return report{}
}

// survives runs a handler for no client, and reports whether it returned. A
// panic is logged.
func (c *Cache) survives(h http.Handler, w http.ResponseWriter, r *http.Request) (ok bool) {
	defer func() {
		if v := recover(); v != nil {
			c.logPanic(r, v)
		}
	}()
	h.ServeHTTP(w, r)
	return true
}
