// Package shadow compares two handlers on real traffic: the primary handler sends the
// response, the shadow gets the same request in the background, and the differences are
// reported.
//
// For example, a route ported from Next.js responds in Go, and the old server is its
// shadow until a week of requests shows no difference:
//
//	compare := shadow.New(old, shadow.Config{IgnoreJSON: []string{"/*/updatedAt"}})
//	routes["/api/posts"] = compare.Middleware(posts)
//	...
//	log.Print(compare.Stats()) // 4,812 compared, 0 differ, ...
//
// It also works the other way around, while the old server still responds:
// shadow.New(posts, cfg).Middleware(old).
//
// The shadow never delays or changes the response of the primary handler: it may panic,
// hang, stream, or send gigabytes. Nothing of its response reaches the client, not even
// Set-Cookie.
//
// # What is sent to the shadow
//
// The shadow gets the method, the URL as it is at this place in the chain, the header
// and the body of the request, in a context of its own without the values of the
// client's. Only GET and HEAD requests are compared, unless Config.Methods names more:
// then a write happens twice. Requests that two servers may rightly answer differently
// are skipped: those with a condition (such as If-None-Match), a Range, or an Upgrade.
// So is whatever cannot be compared. Stats lists the reasons.
//
// # What is compared
//
// The status, the header fields in Config.Headers, and the body: JSON by value, so that
// the order of names and the form of numbers do not matter, everything else byte by
// byte. A body shorter than its Content-Length is a difference too. Timing is not
// compared. A value that changes between two requests is a difference, unless it is
// ignored.
//
// # Differences from Next.js
//
// Next.js has rewrites, which pass requests to another server, but no comparison.
package shadow
