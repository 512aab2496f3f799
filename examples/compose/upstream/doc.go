// Package upstream serves a few routes of another API under names of this
// service's own, such as /api/secret, so that clients learn neither where that
// API is nor what it runs on.
//
// httputil.ReverseProxy does what a proxy does: it streams both bodies, drops
// the fields of the hop, flushes server-sent events as they come, and cuts the
// connection when the upstream breaks off. Its Rewrite hook, unlike Director,
// starts from a request whose X-Forwarded fields and malformed query are gone.
//
// The kit does the rest. Package pattern names the routes on both sides: a path
// is matched against one pattern and built anew from another, so nothing of the
// client's spelling gets through, and a redirect is led back the same way. The
// failures of the proxy become errors of a reply.Handler: one shape for the
// client, one record for the log.
//
// What passes is listed, not what is removed: the fields of a header that tell
// about a host are many, and new ones come. An answer is data for programs: a
// browser that opens it as a page shows it in a sandbox, without scripts.
//
// The chain in front is the usual one, middleware.New. Its Timeout answers 504
// for an upstream that is too slow, and ends the request to it; the bodyparser
// bounds the body, and replays it to the upstream.
package upstream
