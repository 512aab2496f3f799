package cache

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

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

// An order is a revalidation on its way through Config.Origin to the cache.
type order struct {
	cached  bool // only if something is stored
	reached bool // the cache
	skipped bool // nothing was stored
	stored  bool
	status  int
	reason  string
	err     error
}

// attempts is how often a revalidation runs if something is invalidated while it
// does.
const attempts = 3

// A requested is how a path was asked for.
type requested struct {
	host   string
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
	return c.revalidate(ctx, path, &order{})
}

// RevalidateCached is Revalidate for a path of which something is stored; else
// it does nothing. Next: unstable_onlyGenerated.
func (c *Cache) RevalidateCached(ctx context.Context, path string) error {
	return c.revalidate(ctx, path, &order{cached: true})
}

// InvalidateTag makes void whatever was made with one of the tags: when it has
// returned without an error, none of that is served again. What is asked for is
// made anew, once for all who ask. Next: updateTag; revalidateTag serves the old
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

func (c *Cache) revalidate(ctx context.Context, path string, o *order) (err error) {
	fail := func(reason string, cause error) error {
		return &RevalidateError{Path: path, Status: o.status, Reason: reason, cause: cause}
	}
	if !strings.HasPrefix(path, "/") {
		return fail("a path begins with a slash", nil)
	}
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return fail("this is no path", err)
	}
	origin, err := c.origin()
	if err != nil {
		return err
	}
	for range attempts {
		*o = order{cached: o.cached}
		if c.carryOut(ctx, o, origin, u); o.reason != reasonVoid {
			break
		}
	}
	if o.skipped || o.stored {
		return nil
	}
	return fail(o.reason, o.err)
}

// carryOut sends the request of a revalidation on its way.
func (c *Cache) carryOut(ctx context.Context, o *order, origin http.Handler, u *url.URL) {
	// The number comes before everything: what is invalidated from here on is
	// newer than what will be stored.
	f := &fill{cache: c, order: o, done: make(chan struct{})}
	if f.number, o.err = c.gens.Next(ctx); o.err != nil {
		o.reason = "the generations failed"
		return
	}
	ctx = exchange.Detach(ctx)
	exchange.Find(ctx).Set(exchange.Cache, f)
	w := &nowhere{header: make(http.Header)}
	if !c.survives(origin, w, c.request(ctx, u)) {
		o.stored, o.reason = false, "the handler panicked"
	} else if !o.reached {
		o.status, o.reason = w.status, "no handler behind this cache was reached"
	}
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
	as := &requested{host: r.Host, header: make(http.Header)}
	for _, name := range steering {
		if values := r.Header[name]; values != nil {
			as.header[name] = slices.Clone(values)
		}
	}
	return as
}

// fulfil runs the handler for a revalidation that has arrived at the cache.
func (c *Cache) fulfil(f *fill, w http.ResponseWriter, r *http.Request, next http.Handler) {
	o := f.order
	o.reached = true
	t, ok := c.target(r)
	if !ok {
		o.reason = "a layer outside has changed the request to one that is not cached"
		next.ServeHTTP(w, r)
		return
	}
	f.target = t
	if o.cached {
		e, err := c.get(r.Context(), t.key)
		if e == nil {
			o.skipped, o.err, o.reason = err == nil, err, "the store failed"
			return
		}
	}
	if err := f.start(r.Context()); err != nil {
		o.reason, o.err = "the generations failed", err
		return
	}
	rec, inner := newRecorder(f, w, r)
	rec.alone = true
	e, err := f.run(next, rec, inner, r)
	o.status = rec.status
	switch {
	case err != nil:
		o.reason, o.err = "the handler did not answer", err
	case rec.verdict != keep:
		o.reason = rec.reason
	default:
		if err := c.gens.Raise(context.WithoutCancel(r.Context()), f.number, e.Tags[0]); err != nil {
			o.reason, o.err = "the generations failed", err
			break
		}
		o.stored = true
	}
	if e != nil {
		c.send(w, r, e, asked, "REVALIDATED", "")
	}
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
