// Package pattern matches paths by the routing rules of Next.js.
//
//	h, err := pattern.NewHandler(map[string]http.Handler{
//		"/api/post/create":      create,
//		"/api/post/[pid]":       post,    // r.PathValue("pid")
//		"/api/post/[...slug]":   archive, // pattern.Values(r, "slug")
//		"/api/docs/[[...slug]]": docs,
//	}, pattern.HandlerConfig{})
//	if err != nil {
//		log.Fatal(err)
//	}
//	h.Register(mux)
//
// Of the routes that match a path, the most specific one gets it, decided
// segment by segment: static text, then [x], then [...x], then [[...x]]. No
// route hides another, whatever order they are listed in, and none is refused
// because it overlaps with another, as http.ServeMux does.
//
// A [Pattern] is one route and a [Table] is many, with values of any type;
// both match strings and know nothing of HTTP. A [Handler] is a table of
// handlers, for the mux of a service that has other routes too. [Query] and
// [Values] read the parameters, also those of the patterns of ServeMux.
// [Walk] lists the routes and methods of a service without running it.
// [FromFile] gives the route of a file of a Next.js project, and package nextfs
// all routes of one.
//
// # Differences from Next.js
//
//   - Static segments compare after decoding: /api/%72un reaches /api/run.
//     Next compares the path as it was sent.
//   - Query: the name of an optional catch-all that took nothing is removed, that
//     of an outer route too. Next lets a query parameter of that name show
//     through, so that a handler that expects a list gets a string.
//   - Two keys for one route, and empty names, are errors in a table. Next
//     lets the last one win, and never matches the empty name.
//   - Patterns are UTF-8 and sort by bytes, which differs from Next's order by
//     UTF-16 only beyond U+FFFF.
//   - A Handler does not resolve dot segments, nor does it clean up empty ones:
//     such paths are not found. Under http.ServeMux they do not arrive, because
//     ServeMux redirects to the cleaned path first.
//   - A Handler serves a path with and without a trailing slash, unless it is
//     told to redirect. Its redirects are relative and carry no Refresh header.
//   - [[...x]] on a path that ends in two slashes takes one empty segment, where
//     the regular expression of Next takes two.
package pattern
