package cache

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/apiece/apiece/bytesize"
)

// A Config configures [New]. The zero Config stores responses that state their own
// lifetime, in 64 MB of memory.
//
// Two requests share a response if they have the same host, path and query, both or
// neither came over TLS, and they have the same values of the header fields that the
// response names in Vary, and of those that steer frameworks without being named there,
// such as X-Forwarded-Host, X-Original-URL and Origin. A proxy in front should not send
// Forwarded with the address of each client: each client would get its own response.
// A request with an absolute URL as its target, as clients send it to a proxy, has another
// key: give httptest.NewRequest a path, not a URL.
//
// Whatever its Lifetime, a response is never stored
//
//   - to a method other than GET, but see Post; to a request with a body, or with an
//     If-Match, If-Unmodified-Since or Upgrade header: such requests bypass the cache;
//   - to a HEAD request, or one with Range or Cache-Control: no-store: these are served
//     from the store, or else by the handler;
//   - with a status other than 200, 203, 301, 308, 404 and 410;
//   - with Cache-Control or CDN-Cache-Control: no-store, private or no-cache, with
//     Set-Cookie, with Vary: *, or with trailers;
//   - to a request with a Cookie or Authorization header, or over a connection with a
//     client certificate, unless it is public;
//   - that is an event stream, hijacked the connection, is shorter than declared, or
//     longer than BodyLimit;
//   - if its key is longer than 8 KB;
//   - whose handler panicked, aborted it or reported 500 half-way, exceeded FillTimeout,
//     or used values of a request that was over;
//   - one of whose tags was invalidated in the meantime.
//
// The detail parameter of Cache-Status says which (RFC 9211).
//
// A flushed response, as from a proxy or a streaming template, is sent as it comes, and
// stored when its handler has returned. Waiting requests wait for it up to five seconds.
// Then each runs the handler itself; or, if the client is the slow part, one of them runs
// it for all. A response that takes longer than FillTimeout is not stored.
//
// Equivalent values of Accept-Encoding and Accept-Language share a response, and the
// handler sees one spelling. It does not see If-None-Match, If-Modified-Since, If-Range
// and Range, which concern one client and are handled by the cache. To revalidate a
// response with an ETag or Last-Modified, the cache sends the handler a conditional
// request; a 304 keeps the stored response (RFC 9111, section 4.3).
//
// A reload (Cache-Control: no-cache in the request) does not bypass the cache, since any
// client can send it. It gets the whole response, never a 304.
type Config struct {
	// Lifetime is that of responses without Cache-Control and Expires. If its TTL is zero
	// they are not stored: a response that states no lifetime may have none.
	Lifetime Lifetime

	// Origin serves the cache's own requests: those of Revalidate and those that
	// revalidate a stale response in the background. Set it to the router, of any kind,
	// with every layer around it that affects responses, so that routes are found and
	// path values exist. The cache may stand inside of it or around it. These requests
	// have their own context, with no values that a router keeps for one request and
	// reuses for the next.
	//
	// Nil is the handler that [Cache.Middleware] wraps, if that is one http.ServeMux or
	// pattern.Handler. Without any, [Cache.Revalidate] returns an error, and a stale
	// response is sent, flushed, and revalidated before ServeHTTP returns: that client's
	// connection (over HTTP/2 the end of the response) waits for it. StaleWhileRevalidate
	// is then off for a ResponseWriter that cannot flush, such as that of
	// http.TimeoutHandler, which is logged once. It is also off, and logged once, where
	// background revalidations do not reach the cache through the Origin, or where
	// handlers inside of the mux use context values of layers outside.
	Origin http.Handler

	// Host is the Host of the requests of [Cache.Revalidate]. Empty is the last host that
	// the path was requested from, over TLS if that request was. If it is set, requests
	// for other hosts, or with others in X-Forwarded-Host and the like, are not
	// remembered, so that no client can have its own variant revalidated in place of the
	// page.
	Host string

	// Query lists the query parameters that handlers see and that are part of the key.
	// Nil is all of them, as they were sent; empty is none.
	Query []string

	// BodyLimit is the size of the largest body that is stored. 0 is 1 MB, negative is no
	// limit but the store's. A larger body is sent and not stored.
	BodyLimit bytesize.Size

	// FillTimeout is how long a handler may run on behalf of others, since it goes on
	// after the client that started it is gone. Then its context ends, and the waiting
	// requests get 504. 0 is 30 seconds, negative is no limit.
	FillTimeout time.Duration

	// IgnoreWrites keeps the entries of a path when a request with an unsafe method, such
	// as POST, succeeds there. Otherwise they are invalidated (RFC 9111, section 4.4). A
	// redirect with 307 or 308 is not a success: the request is carried out elsewhere. A
	// path without a stored response costs nothing.
	IgnoreWrites bool

	// StatusHeader names another response header that gets Next.js's word for where the
	// response came from: HIT, STALE, MISS or REVALIDATED. Empty is none. Next.js:
	// X-Nextjs-Cache.
	StatusHeader string

	// Post lets the cache serve POST requests that only read, as GraphQL queries do:
	// [GraphQL] and [JSON] are such functions. It gets the request and its body, and
	// returns the body in canonical form, which is part of the key and the only body that
	// the handler sees; or false for a request that may change something, which bypasses
	// the cache unchanged. It must not read r.Body.
	//
	// The risk is yours: a request that is mistaken for a query is not carried out if its
	// response is stored. Nil stores no response to a POST. A response with Set-Cookie is
	// not stored here either, and one to a request with a Cookie only if it is public.
	Post func(r *http.Request, body []byte) (canonical []byte, ok bool)

	// PostBodyLimit is the size of the longest body that Post is called with; a longer
	// one bypasses the cache. 0 is 64 KB.
	PostBodyLimit bytesize.Size

	// Store holds the entries. Nil is NewStore(0).
	Store Store

	// Generations hold the invalidations. Nil is NewGenerations(0). A shared Store needs
	// Generations that the same caches share.
	Generations Generations

	// Locker keeps the processes that share the Store from running a handler for the same
	// entry at once. If nil, each may run it once. A request waits for a lock no longer
	// than FillTimeout, and then runs the handler.
	Locker Locker

	// StoreTimeout is how long one operation of the Store, the Generations or an unlock
	// may take. One that takes longer is abandoned, and the cache does without all of
	// them for a second, doubling up to half a minute if that repeats: handlers run, once
	// for simultaneous requests, and nothing is stored. 0 is 250 milliseconds, negative
	// is no limit. What NewStore and NewGenerations return needs none.
	StoreTimeout time.Duration

	// OnError responds to a request that waited for a handler which panicked or aborted
	// its response (500), or timed out (504). Nil is that of the middleware.Config around
	// it, else problem details (RFC 9457).
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger logs the errors of the store, and failures that no client sees. Nil is
	// slog.Default.
	Logger *slog.Logger
}

const (
	defaultBodyLimit   = 1 * bytesize.MB
	defaultFillTimeout = 30 * time.Second
)

// Validate reports the settings that New would refuse, as an error that names each, or
// nil.
func (cfg Config) Validate() error {
	var errs []error
	for name, d := range map[string]time.Duration{
		"Lifetime.TTL":                  cfg.Lifetime.TTL,
		"Lifetime.StaleWhileRevalidate": cfg.Lifetime.StaleWhileRevalidate,
		"Lifetime.StaleIfError":         cfg.Lifetime.StaleIfError,
		"FillTimeout":                   cfg.FillTimeout,
		"StoreTimeout":                  cfg.StoreTimeout,
	} {
		if d > 0 && d < time.Millisecond {
			errs = append(errs, fmt.Errorf("cache: a %s of %v: write %d*time.Second", name, d, d))
		}
	}
	if cfg.Store != nil && cfg.Generations == nil {
		if _, ok := cfg.Store.(*store); !ok {
			errs = append(errs, errors.New("cache: a Store without Generations: what another process invalidates would be served here"))
		}
	}
	return errors.Join(errs...)
}
