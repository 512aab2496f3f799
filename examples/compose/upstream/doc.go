// Package upstream proxies a few routes of a third-party API under paths of this
// service, such as /api/secret, and hides where that API is and what it runs on.
//
// httputil.ReverseProxy is the proxy: it streams both bodies, removes hop-by-hop
// headers, flushes server-sent events as they arrive, and cuts the connection when
// the upstream does. Its Rewrite hook, unlike Director, starts from a request without
// X-Forwarded fields and malformed query parameters.
//
// The kit does the rest. Package pattern has the routes on both sides: a path is
// matched by one pattern and built from another, so the client's spelling does not
// reach the upstream, and redirects are translated back the same way. Proxy failures
// become errors of a reply.Handler: one format for the client, one record for the
// log.
//
// Header fields pass by an allowlist: many fields reveal the host, and new ones
// appear. A response is data for programs: a browser that opens it as a page shows it
// in a sandbox, without scripts.
//
// The chain in front is middleware.New. Its Timeout responds with 504 for a slow
// upstream, and cancels the request to it; the bodyparser limits the body, and
// replays it to the upstream.
package upstream
