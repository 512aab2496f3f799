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
// The most specific route that matches a path serves it, decided segment by
// segment: static text, then [x], then [...x], then [[...x]]. The order of the
// list does not matter, and unlike in http.ServeMux overlapping routes are no
// error.
//
// A [Pattern] is one route and a [Table] is many, with values of any type; both
// match strings, without HTTP. A [Handler] is a table of handlers, for the mux
// of a service that has other routes too. [Query] and [Values] read the
// parameters, including those of ServeMux patterns. [Walk] lists the routes and
// methods of a service without running it. [FromFile] returns the route of a
// file in a Next.js project, and package nextfs all routes of a project.
//
// # Differences from Next.js
//
//   - Static segments compare after decoding: /api/%72un reaches /api/run. Next.js
//     compares the path as it was sent.
//   - Query: the name of an optional catch-all that took nothing is removed, even
//     if it belongs to an outer route. Next.js lets a query parameter of that name
//     through, so that a handler that expects a list gets a string.
//   - Two keys for one route, and empty names, are errors in a table. In Next.js
//     the last one wins, and the empty name never matches.
//   - Patterns are UTF-8 and sort by bytes, which differs from the UTF-16 order of
//     Next.js only beyond U+FFFF.
//   - A Handler neither resolves dot segments nor removes empty ones: such paths
//     are not found. Under http.ServeMux they do not arrive, because ServeMux
//     redirects to the cleaned path.
//   - A Handler serves a path with and without a trailing slash, unless it is
//     configured to redirect. Its redirects are relative and have no Refresh
//     header.
//   - [[...x]] on a path that ends in two slashes takes one empty segment, where
//     the regular expression of Next.js takes two.
package pattern
