// Package ratelimit holds each client to so many requests in a time: httprate,
// with a key that a client cannot choose and a 429 in the shape of the service.
//
// httprate counts in a sliding window and says in Retry-After when to come
// back. The kit answers. The limit stands outside of everything that costs
// anything, the parser above all, and inside of CORS, or pages could not tell a
// 429 from a broken connection. A limit per user is one more of these inside
// of the authentication, with the user as its key.
//
// The key is the address that the connection comes from. X-Forwarded-For and
// its like are what the client writes into them: a limit by these is none,
// because every request can bring another one. Behind a proxy all connections
// come from the proxy; then, and only then, name its addresses, and the header
// is read from the right, as far as those have written it.
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

// PerClient allows every client n requests in the window. Proxies are the
// addresses of the reverse proxies in front of this service, none if it has
// none.
func PerClient(n int, window time.Duration, proxies ...netip.Prefix) func(http.Handler) http.Handler {
	return httprate.LimitBy(n, window,
		func(r *http.Request) (string, error) {
			addr, err := clientAddr(r, proxies)
			// Of IPv6 a client has a whole /64 to choose from.
			return httprate.CanonicalizeIP(addr.String()), err
		},
		// httprate has set Retry-After by now, and Problem leaves it there.
		httprate.WithLimitHandler(answer(reply.NewError(http.StatusTooManyRequests, "Too many requests, try again later"))),
		// The counter, or the address, is not known. To let the request pass would
		// be the other choice; the answer of httprate is a 428 with the error in it.
		httprate.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
			answer(reply.NewError(http.StatusServiceUnavailable, "").WithCause(err))(w, r)
		}),
	)
}

// answer gives the error to the client, and to the log what is a fault of ours.
func answer(err error) http.HandlerFunc {
	return reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return err }).ServeHTTP
}

// clientAddr is the address nearest to us that is none of the proxies'.
func clientAddr(r *http.Request, proxies []netip.Prefix) (netip.Addr, error) {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("ratelimit: the address of the client: %w", err)
	}
	addr := plain(peer.Addr())
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(addr) }) {
			break // written by someone we do not trust, and so is all before it
		}
		next, err := parseHop(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = plain(next)
	}
	return addr, nil
}

// parseHop reads an address. Some proxies add the port.
func parseHop(s string) (netip.Addr, error) {
	if addrPort, err := netip.ParseAddrPort(s); err == nil {
		return addrPort.Addr(), nil
	}
	return netip.ParseAddr(s)
}

// plain makes the forms of one address equal.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
