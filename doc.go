// Package apiece is a kit of net/http pieces that gives any Go service what
// Next.js API Routes give a handler. This package has no code, only this
// overview.
//
// Each piece is an ordinary func(http.Handler) http.Handler or a plain
// function. Each works alone in an existing service; together they compose with
// alice and mount on http.ServeMux. The kit never owns the server, the mux or
// the process.
//
//	what you need                                        package
//
//	/api/post/[pid], [...slug], [[...slug]], req.query   pattern
//	compare your Go routes with a Next.js project        pattern/nextfs
//	TypeScript types and a client for all routes         typescript
//	compare a port with the old server                   middleware/shadow
//	req.body: limits, JSON, forms, raw, webhooks         bodyparser
//	a typed and validated request                        bodyparser/bind
//	files from a form, streamed                          bodyparser/upload
//	req.cookies, signed cookies, draft mode              cookies
//	res.status, res.json, res.send, errors               reply
//	res.redirect, safe for targets that users supply     redirect
//	server-sent events, JSON lines, fan-out with replay  stream
//	maxDuration, responseLimit, methods, all of config   middleware
//	res.revalidate: response cache with revalidation     middleware/cache
//	"4mb" as text and as a number                        bytesize
//
// # What the pieces agree on
//
// A constructor takes one setting as an argument, and more than one as a Config.
// The zero Config has the defaults of Next.js; a negative number disables a
// limit. A constructor panics on an invalid Config and lists every mistake; the
// Config's Validate method returns the same list as an error.
//
// An error carries its response: a StatusCode, and a PublicMessage if there is
// something the client may read. The text of Error is for the log and is never
// sent. The Config of a piece that handles errors has an OnError hook; nil renders
// problem details (RFC 9457), and package reply has the plain text of Next.js.
// Functions that respond encode first and write second, so a failure is a
// complete 500 and never an empty 200. A failure after the header is sent aborts
// the connection, so that a truncated response cannot pass for a complete one.
// Each response of 500 or above from a handler or a middleware of the kit is
// logged exactly once.
//
// No piece trusts a request header for its own state, and none sends CORS
// headers. Every ResponseWriter keeps what the server's can do: http.Flusher,
// http.Hijacker, io.ReaderFrom and all of http.ResponseController.
//
// # Differences from Next.js
//
// Each package ends with its own list. MIGRATING.md shows every feature of
// Next.js next to its Go code; examples/nextjs runs that Go code.
package apiece
