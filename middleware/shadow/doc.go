// Package shadow compares two handlers on real traffic: one answers, the other is
// asked the same in the background, and what differs is reported.
//
// A route that was ported from Next.js answers in Go, and the old server is asked
// beside it, until a week of requests shows no difference:
//
//	compare := shadow.New(old, shadow.Config{IgnoreJSON: []string{"/*/updatedAt"}})
//	routes["/api/posts"] = compare.Middleware(posts)
//	...
//	log.Print(compare.Stats()) // 4,812 compared, 0 differ, ...
//
// It works as well the other way around, while the old server still answers:
// shadow.New(posts, cfg).Middleware(old).
//
// The response of the handler that answers is never delayed or changed, whatever
// the shadow does: it may panic, hang, stream, or send gigabytes. Nothing of its
// response reaches the client, no Set-Cookie either.
//
// # What is asked
//
// The shadow gets the method, the URL as it is at this place of the chain, the
// header and the body of the request, in a context of its own without the values
// of the client's. GET and HEAD requests alone, unless Config.Methods names more:
// a write is carried out twice then. Left out are requests that two servers may
// rightly answer in two ways, those with a condition (If-None-Match and the
// others), a Range, or an Upgrade, and what could not be compared. Stats has the
// reasons.
//
// # What is compared
//
// The status, the header fields of Config.Headers, and the body: JSON by what it
// means, so that neither the order of names nor the form of numbers matters,
// everything else by its bytes. A body that is shorter than its Content-Length is
// a difference too. There is no time in it: a value that changes
// between two requests is a difference, unless it is ignored.
//
// # Differences from Next.js
//
// Next.js has rewrites that hand requests to another server, and nothing that
// compares.
package shadow
