// Package apiece is a kit of net/http pieces that gives any service what Next.js
// API Routes give a handler. This package holds no code, only the map.
//
// Every piece is an ordinary func(http.Handler) http.Handler or a plain
// function. Each works alone, dropped into a service that exists; together
// they compose with alice and mount on the ServeMux of net/http. The kit never
// owns the server, the mux or the process.
//
//	what you need                                        package
//
//	/api/post/[pid], [...slug], [[...slug]], req.query   pattern
//	a file tree of Next.js, held against the routes      pattern/nextfs
//	the types of all routes for a front end              typescript
//	a port compared with the old server                  middleware/shadow
//	req.body: limits, JSON, forms, raw, webhooks         bodyparser
//	a typed and validated request                        bodyparser/bind
//	files from a form, streamed                          bodyparser/upload
//	req.cookies, signed cookies, draft mode              cookies
//	res.status, res.json, res.send, errors               reply
//	res.redirect, safe for targets that users supply     redirect
//	server-sent events, JSON lines, fan-out with replay  stream
//	maxDuration, responseLimit, methods, all of config   middleware
//	res.revalidate: a cache that is renewed on demand    middleware/cache
//	"4mb" as text and as a number                        bytesize
//
// # What the pieces agree on
//
// A constructor takes one setting as an argument and more as a Config, whose
// zero value is the default of Next.js; a negative number switches a limit off.
// What is wrong with a Config makes the constructor panic with the whole list,
// and its Validate method returns the same.
//
// An error carries its answer: a StatusCode, and a PublicMessage if there is
// something the client may read. The text of Error is for the log and is never
// sent. The Config of a piece that answers errors has an OnError hook; nil
// renders a problem document (RFC 9457), and package reply has the plain text of
// Next.js. Functions that answer encode first and commit second, so a failure
// is a complete 500 and never an empty 200; a failure after the header is out
// aborts the connection, so that half a response cannot pass for a whole one.
// An answer of 500 or more that a handler or a middleware of the kit gives
// leaves exactly one record in the log.
//
// No piece trusts a request header for its own state, and none sends the headers
// of CORS.
// What the ResponseWriter of a server can do stays within reach: http.Flusher,
// http.Hijacker, io.ReaderFrom and all of http.ResponseController.
//
// # Differences from Next.js
//
// Each package ends with its own list. MIGRATING.md has every feature of
// Next.js beside its Go code; examples/nextjs is that Go code.
package apiece
