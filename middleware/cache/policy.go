package cache

import "time"

// A Policy says how long a response may be given, and to whom. The zero Policy
// leaves everything to others: that of the handler ([SetPolicy]) to the
// response, that of the response (Cache-Control) to [Config].
type Policy struct {
	// TTL is how long the response is fresh. Negative is not to store it. Next.js:
	// revalidate, in seconds.
	TTL time.Duration

	// StaleWhileRevalidate is how long after that it is served while it is renewed,
	// which one reader sets off (RFC 5861); see Config.Origin for how. If the
	// handler brings nothing that may be stored the old response stays, and is
	// renewed after a pause that grows from three seconds to a minute. Negative is
	// not at all. Next.js: until expireTime.
	StaleWhileRevalidate time.Duration

	// StaleIfError is how long after TTL it is served if renewing it ends in
	// a 5xx, a panic or a timeout (RFC 5861). Negative is not at all.
	StaleIfError time.Duration

	// Public is that the response is the same for all clients, so that it may also
	// be made for and given to requests with a Cookie or Authorization header, or
	// from a client with a certificate. In a Config it withholds both fields from
	// the handlers of GET and HEAD requests, which could not use them without making
	// one client's page everyone's; a route takes that back with [SetPolicy].
	// Cache-Control: public says the same. Next.js: any page of getStaticProps;
	// a reader in draft mode has to be taken past such a cache.
	Public bool
}

// over returns p with what it leaves open taken from below.
func (p Policy) over(below Policy) Policy {
	if p.TTL == 0 {
		p.TTL = below.TTL
	}
	if p.StaleWhileRevalidate == 0 {
		p.StaleWhileRevalidate = below.StaleWhileRevalidate
	}
	if p.StaleIfError == 0 {
		p.StaleIfError = below.StaleIfError
	}
	p.Public = p.Public || below.Public // but for SetPolicy, see judge
	return p
}
