package cache

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/apiece/apiece/bytesize"
)

// A Config is what [New] makes a cache of. The zero Config keeps responses that
// state their own lifetime, in 64 MB of memory.
//
// Two requests are for the same response if they have the same host, path and
// query, both or neither came over TLS, and they have the same values of the
// fields that the response names in Vary, and of those by which proxies and
// clients steer frameworks without being named, such as X-Forwarded-Host,
// X-Original-URL and Origin. A proxy in front should not send Forwarded with the
// address of each client: it would make a response for each.
//
// Never stored, whatever the policy says, is a response
//
//   - to a method other than GET, but see Post; with a request body, or with an
//     If-Match, If-Unmodified-Since or Upgrade header: such requests go past the
//     cache;
//   - to a HEAD request, or one with Range or Cache-Control: no-store: these are
//     answered from what is stored, and else by the handler;
//   - with a status other than 200, 203, 301, 308, 404 and 410;
//   - with Cache-Control or CDN-Cache-Control: no-store, private or no-cache, with
//     Set-Cookie, with Vary: *, or with trailers;
//   - to a request with a Cookie or Authorization header, or over a connection
//     on which the client has shown a certificate, unless it is public;
//   - that is an event stream, took over the connection, is shorter than
//     declared, or longer than MaxBody;
//   - if what tells its request from others takes more than 8 KB;
//   - whose handler panicked, gave it up or said 500 half-way, went over
//     FillTimeout, or used values of a request that was over;
//   - one of whose tags was invalidated in the meantime.
//
// Cache-Status says which in its parameter detail (RFC 9211).
//
// A response that is flushed is sent as it comes, and stored when its handler has
// returned: what a proxy or a template sends in parts. Those who wait for it do so for
// up to five seconds, and the next ones run the handler themselves; or, if it is the
// client that is slow, one of them for all. What takes longer than FillTimeout is not
// stored.
//
// Spellings of Accept-Encoding and Accept-Language that mean the same are one, and
// the handler is shown that one. It is not shown what concerns one client alone:
// If-None-Match, If-Modified-Since, If-Range and Range, which the cache answers. To
// renew a response that has an ETag or Last-Modified it is asked by that whether the
// response is still good; a 304 says so (RFC 9111, section 4.3).
//
// A reload (Cache-Control: no-cache in the request) does not get past the cache,
// since any client can send it.
type Config struct {
	// Policy is for responses that state nothing. Its zero TTL, unlike that of
	// others, is not to store those: what says nothing about its lifetime may
	// have none.
	Policy Policy

	// Origin serves the requests that the cache makes itself, to revalidate a path
	// and to renew a stale response in the background: the router, of any kind, with
	// every layer around it that has a say in the responses, so that routes are found
	// and path values exist. The cache may stand inside of it or around it. These
	// requests have a context of their own, with nothing that a router keeps for a
	// reader and reuses for the next one.
	//
	// Nil is what [Cache.Middleware] was put around, if that is one
	// http.ServeMux or pattern.Handler. Without any, [Cache.Revalidate] is an error,
	// and a stale response is sent, flushed, and renewed before ServeHTTP returns: the
	// connection of that reader (over HTTP/2 the end of the response) waits for it.
	// Behind a ResponseWriter that cannot flush, such as that of http.TimeoutHandler,
	// StaleWhileRevalidate is off then, which is logged once.
	// So it is where a renewal is found not to come back to the cache by way of the
	// Origin, which is logged once, or handlers inside of the mux use values that
	// layers outside keep in the context.
	Origin http.Handler

	// Host is the Host of the requests of [Cache.Revalidate]. Empty is the host under
	// which the path was asked for last, over TLS if that was. If it is set, what
	// requests for other hosts say, or name in X-Forwarded-Host and the like, is not
	// remembered, so that no client can have its own variant renewed in place of
	// the page.
	Host string

	// Query lists the query parameters that handlers see and that tell responses
	// apart. Nil is all of them, as they were sent; empty is none.
	Query []string

	// MaxBody is the largest body that is stored. 0 is 1 MB, negative is
	// whatever the store takes. A larger one is passed on.
	MaxBody bytesize.Size

	// FillTimeout is how long a handler may take on behalf of others, since it is
	// not stopped when the client is gone that set it off. Then its context ends,
	// and who waits for it gets a 504. 0 is 30 seconds, negative is for ever.
	FillTimeout time.Duration

	// IgnoreWrites leaves the entries of a path as they are when a request with
	// an unsafe method, such as POST, succeeds there. Otherwise they are void
	// (RFC 9111, section 4.4). A redirect with 307 or 308 is no success: it has the
	// request carried out elsewhere. A path of which nothing is stored costs nothing.
	IgnoreWrites bool

	// StatusHeader names a further response header that gets Next's word for
	// where the response came from: HIT, STALE, MISS or REVALIDATED. Empty is
	// none. Next.js: X-Nextjs-Cache.
	StatusHeader string

	// Post has POST requests answered from the cache that only ask, as GraphQL
	// queries do: [GraphQL] and [JSON] are two of its kind. It is given the request
	// and its body, and returns the body in one spelling, which is part of the key
	// and all of it that the handler is given; or false for a request that may
	// change something, which passes as it came. It must not read r.Body.
	//
	// The danger is yours: a request that is taken for a question is not carried out
	// if the answer is there. Nil is to store no response to a POST. A response with
	// Set-Cookie is not stored here either, and one to a request with a Cookie only
	// if it is public.
	Post func(r *http.Request, body []byte) (canonical []byte, ok bool)

	// PostBody is the longest body that Post is asked about; a longer one passes.
	// 0 is 64 KB.
	PostBody bytesize.Size

	// Store holds the entries. Nil is NewStore(0).
	Store Store

	// Generations hold what was invalidated. Nil is NewGenerations(0). A Store
	// that others share needs Generations that they share as well.
	Generations Generations

	// Locker keeps the processes that share the Store from running a handler for
	// the same entry at once. Nil is to let each run it once. A request waits for a
	// lock no longer than FillTimeout, and runs the handler then.
	Locker Locker

	// StoreTimeout is how long one operation of the Store and of the Generations,
	// and to unlock, may take. One that takes longer is given up, and the cache goes
	// without all of them for a second, or for longer each time that repeats, up to
	// half a minute: handlers run, once for those who ask at the same time, and
	// nothing is stored. 0 is 250 milliseconds, negative is for ever. What NewStore
	// and NewGenerations return needs none.
	StoreTimeout time.Duration

	// OnError answers a request that waited for a handler which panicked or gave
	// its response up (500), or took too long (504). Nil is that of the
	// middleware.Config around it, else a problem document.
	OnError func(http.ResponseWriter, *http.Request, error)

	// Logger gets the errors of the store, and what fails when no client is
	// there to be told. Nil is slog.Default.
	Logger *slog.Logger
}

const (
	defaultMaxBody     = 1 * bytesize.MB
	defaultFillTimeout = 30 * time.Second
)

// Validate returns everything that is wrong with the config, nil if nothing is.
func (cfg Config) Validate() error {
	var errs []error
	for name, d := range map[string]time.Duration{
		"Policy.TTL":                  cfg.Policy.TTL,
		"Policy.StaleWhileRevalidate": cfg.Policy.StaleWhileRevalidate,
		"Policy.StaleIfError":         cfg.Policy.StaleIfError,
		"FillTimeout":                 cfg.FillTimeout,
		"StoreTimeout":                cfg.StoreTimeout,
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
