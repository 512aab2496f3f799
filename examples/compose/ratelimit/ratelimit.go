// Package ratelimit limits the requests of each client: httprate, with a key that a
// client cannot choose and a 429 in the error format of the service.
//
// httprate counts in a sliding window and sets Retry-After. The kit responds. Put the
// limit outside all expensive layers, especially the parser, and inside CORS, or
// pages cannot tell a 429 from a failed connection. For a limit per user add another
// one inside the authentication, with the user as its key.
//
// The key is the remote address of the connection. Clients can forge X-Forwarded-For
// and similar headers, so a limit by these does not limit anything: every request can
// have another value. Behind a proxy all connections come from the proxy; only then
// list its addresses, and the header is read from the right, as far as these proxies
// have written it.
package ratelimit

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/httprate"

	"github.com/apiece/apiece/reply"
)

// PerClient allows every client n requests per window. Proxies are the addresses of
// the reverse proxies in front of this service, if any.
func PerClient(n int, window time.Duration, proxies ...netip.Prefix) func(http.Handler) http.Handler {
	return httprate.LimitBy(n, window,
		func(r *http.Request) (string, error) {
			addr, err := clientAddr(r, proxies)
			// An IPv6 client can use any address of a /64.
			return httprate.CanonicalizeIP(addr.String()), err
		},
		// httprate has set Retry-After by now, and Problem leaves it there.
		httprate.WithLimitHandler(answer(reply.NewError(http.StatusTooManyRequests, "Too many requests, try again later"))),
		// The counter failed, or the address is unknown. The alternative is to pass
		// the request; httprate alone responds with 428 and the error text.
		httprate.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
			answer(reply.NewError(http.StatusServiceUnavailable, "").WithCause(err))(w, r)
		}),
	)
}

// answer sends the error to the client, and logs a server error.
func answer(err error) http.HandlerFunc {
	return reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP
}

// clientAddr returns the nearest address that is not one of the proxies.
func clientAddr(r *http.Request, proxies []netip.Prefix) (netip.Addr, error) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("ratelimit: the address of the client: %w", err)
	}
	addr := plain(peer.Addr())
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			break // not written by a trusted proxy, like all entries before it
		}
		next, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = plain(next)
	}
	return addr, nil
}

// parseHop parses an address. Some proxies add the port.
func parseHop(s string) (netip.Addr, error) {
	if addrPort, err := netip.ParseAddrPort(s); err == nil {
		return addrPort.Addr(), nil
	}
	return netip.ParseAddr(s)
}

// plain normalizes an address.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
