package cache

import "time"

// A Lifetime says how long a response is fresh, how long it may be served stale after
// that, and whether it is public. Unset fields of a handler's Lifetime ([SetLifetime])
// come from the response (Cache-Control), and those from [Config].
type Lifetime struct {
	// TTL is how long the response is fresh. Negative does not store it. Next.js:
	// revalidate, in seconds.
	TTL time.Duration

	// StaleWhileRevalidate is how long after that the response is served while it is
	// revalidated in the background, which one request starts (RFC 5861); see
	// Config.Origin for how. If the handler's response may not be stored, the old one
	// stays, and is revalidated after a pause that grows from three seconds to a minute.
	// Negative disables it. Next.js: until expireTime.
	StaleWhileRevalidate time.Duration

	// StaleIfError is how long after TTL the response is served if revalidating it ends
	// in a 5xx, a panic or a timeout (RFC 5861). Negative disables it.
	StaleIfError time.Duration

	// Public says that the response is the same for all clients, so that it may also be
	// made for and served to requests with a Cookie or Authorization header, or with a
	// client certificate. In a Config it withholds both fields from the handlers of GET
	// and HEAD requests, which could not use them without sharing one client's page with
	// all; a route revokes that with [SetLifetime]. Cache-Control: public says the same.
	// Next.js: any page of getStaticProps; a client in draft mode has to bypass such a
	// cache.
	Public bool
}

// over returns p with its unset fields taken from below.
func (p Lifetime) over(below Lifetime) Lifetime {
	if p.TTL == 0 {
		p.TTL = below.TTL
	}
	if p.StaleWhileRevalidate == 0 {
		p.StaleWhileRevalidate = below.StaleWhileRevalidate
	}
	if p.StaleIfError == 0 {
		p.StaleIfError = below.StaleIfError
	}
	p.Public = p.Public || below.Public // except for SetLifetime, see mayStore
	return p
}
