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

// ErrNoOrigin is returned by [Cache.Revalidate] if it cannot send its request:
// Config.Origin is nil, and the cache does not wrap one mux.
var ErrNoOrigin = errors.New("cache: Revalidate needs a Config.Origin")

// A RevalidateError says why [Cache.Revalidate] has not stored a new response. The old
// one stays.
type RevalidateError struct {
	// Path is the path to revalidate.
	Path string
	// Status is the status of the response, 0 if there was none.
	Status int
	// Reason says why the response was not stored.
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

// A revalidation is one of the cache's own requests on its way through Config.Origin to
// the cache. A layer on the way may run it in another goroutine and not wait.
type revalidation struct {
	background bool        // of a stale entry, not by Revalidate
	onlyCached bool        // only if something is stored
	reached    atomic.Bool // the cache
	result     atomic.Pointer[revalidationResult]
}

// A revalidationResult is the result of a revalidation: success if there is no reason.
type revalidationResult struct {
	status int
	why    reason // if it is one of those
	reason string
	cause  error
}

// attempts is how often a revalidation runs if something is invalidated meanwhile.
const attempts = 3

// A requestInfo is how a path was requested.
type requestInfo struct {
	host   string
	tls    bool
	header http.Header // of the keyHeaders
}

// Revalidate runs the handler of a path now, and returns when the new response is stored.
// Until then, and if that fails, clients get the old one. Responses of the same path for
// other queries and variants become invalid when the new one is stored, and are made
// again on request. Next.js: res.revalidate.
//
// The path begins with a slash and may have a query. The cache sends a GET request
// without cookies, in this process, through Config.Origin. A 404 or 410 is stored like a
// page. If no new response is stored, the error is a [*RevalidateError], as for a status
// of 500 or more, a response that may not be stored, or a path without a route; or
// [ErrNoOrigin]. ctx bounds the run, besides FillTimeout.
func (c *Cache) Revalidate(ctx context.Context, path string) error {
	return c.revalidate(ctx, path, false)
}

// RevalidateCached is Revalidate for a path with a stored response, else a no-op.
// Next.js: unstable_onlyGenerated.
func (c *Cache) RevalidateCached(ctx context.Context, path string) error {
	return c.revalidate(ctx, path, true)
}

// InvalidateTag invalidates every response with one of the tags: after it has returned
// without an error, none of them is served again. They are made again on request, once
// for simultaneous requests. Next.js: updateTag; revalidateTag serves the old response
// for a while.
func (c *Cache) InvalidateTag(ctx context.Context, tags ...string) error {
	own := make([]string, len(tags))
	for i, tag := range tags {
		own[i] = tagPrefix + tag
	}
	if _, err := c.invalidate(ctx, own...); err != nil {
		return fmt.Errorf("cache: failed to invalidate %q: %w", tags, err)
	}
	return nil
}

func (c *Cache) revalidate(ctx context.Context, path string, cached bool) error {
	if !strings.HasPrefix(path, "/") {
		return &RevalidateError{Path: path, Reason: "the path does not begin with a slash"}
	}
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return &RevalidateError{Path: path, Reason: "not a valid path", cause: err}
	}
	origin, err := c.origin()
	if err != nil {
		return err
	}
	var res revalidationResult
	for range attempts {
		if res = c.sendRevalidation(ctx, cached, origin, u); res.why != invalidated {
			break
		}
	}
	if res.reason == "" {
		return nil
	}
	return &RevalidateError{Path: path, Status: res.status, Reason: res.reason, cause: res.cause}
}

// sendRevalidation sends the request of a revalidation.
func (c *Cache) sendRevalidation(ctx context.Context, cached bool, origin http.Handler, u *url.URL) revalidationResult {
	// Take the number first: what is invalidated from here on is newer than the new
	// entry.
	number, err := c.backend.Next(ctx)
	if err != nil {
		return revalidationResult{reason: generationsFailed.String(), cause: err}
	}
	o := &revalidation{onlyCached: cached}
	ctx = exchange.Detach(c.withServer(ctx))
	exchange.Find(ctx).Set(exchange.Cache, &flight{cache: c, revalidation: o, number: number, done: make(chan struct{})})
	w := &discardWriter{header: make(http.Header)}
	returned := c.serveRecovered(origin, w, c.revalidationRequest(ctx, u))
	res := o.result.Load()
	switch {
	case !returned:
		return revalidationResult{reason: "a layer outside of the cache panicked"}
	case res != nil:
		return *res
	case o.reached.Load():
		return revalidationResult{status: w.status, reason: "a layer outside of the cache did not wait for it"}
	}
	return revalidationResult{status: w.status, reason: "the request did not reach this cache"}
}

// origin returns the handler of the cache's own requests.
func (c *Cache) origin() (http.Handler, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.mounts {
		if sameHandler(m.next, c.cfg.Origin) {
			return m.handler, nil // the cache wraps it
		}
	}
	switch {
	case c.cfg.Origin != nil:
		return c.cfg.Origin, nil
	case len(c.mounts) == 1:
		return c.mounts[0].handler, nil
	}
	return nil, ErrNoOrigin
}

// request makes the request of a revalidation, as the server would have.
func (c *Cache) revalidationRequest(ctx context.Context, u *url.URL) *http.Request {
	c.mu.Lock()
	as, _ := c.requests.get(c.hash(pathTag(u.EscapedPath())))
	c.mu.Unlock()
	if as == nil {
		as = c.lastRequest.Load()
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

// noteRequest remembers how a path was requested, so that a revalidation makes the
// response that clients will request. A client that makes up hosts gets its own variants
// revalidated; the others still become invalid. With Config.Host that is not possible:
// requests that name another host are not remembered.
func (c *Cache) noteRequest(r *http.Request, k requestKey) {
	c.noteServer(r)
	as := c.requestInfoOf(r)
	if as == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests.set(c.hash(pathTag(k.uri)), as)
}

// noteServer remembers the server of a request.
func (c *Cache) noteServer(r *http.Request) {
	if s, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && c.server.Load() != any(s) {
		c.server.Store(s)
	}
	if as := c.requestInfoOf(r); as != nil {
		c.lastRequest.Store(as)
	}
}

// requestInfoOf returns how r came, nil if it is not remembered.
func (c *Cache) requestInfoOf(r *http.Request) *requestInfo {
	const most = 512 // bytes per request
	size := len(r.Host)
	for _, name := range keyHeaders {
		values := r.Header[name]
		for _, v := range values {
			size += len(v)
		}
		if c.cfg.Host != "" && len(values) > 0 && namesHost(name) {
			return nil
		}
	}
	if size > most || c.cfg.Host != "" && r.Host != c.cfg.Host {
		return nil
	}
	last := c.lastRequest.Load()
	if last != nil && last.host == r.Host && last.tls == (r.TLS != nil) && sameFields(last.header, r.Header) {
		return last
	}
	as := &requestInfo{host: r.Host, tls: r.TLS != nil, header: make(http.Header)}
	for _, name := range keyHeaders {
		if values := r.Header[name]; values != nil {
			as.header[name] = slices.Clone(values)
		}
	}
	return as
}

// namesHost reports whether a key header names the host that the client requested.
func namesHost(name string) bool {
	switch name {
	case "Forwarded", "Origin", "X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Uri", "X-Host", "X-Original-Host", "X-Original-Url", "X-Rewrite-Url":
		return true
	}
	return false
}

func sameFields(a, b http.Header) bool {
	for _, name := range keyHeaders {
		if !slices.Equal(a[name], b[name]) {
			return false
		}
	}
	return true
}
