// Package cache is a response cache (RFC 9111) with Next.js's incremental static
// regeneration: a page is rendered once, revalidated in the background while it is served
// stale, and revalidated on demand.
//
//	mux := http.NewServeMux()
//	pages := cache.New(cache.Config{
//		Lifetime: cache.Lifetime{TTL: time.Hour, StaleWhileRevalidate: 24 * time.Hour},
//		Origin: mux,
//	})
//	mux.Handle("GET /blog/{id}", pages.Middleware(post))
//
//	cache.Tag(r.Context(), "post:1")          // in the handler
//	err := pages.Revalidate(ctx, "/blog/1")   // now; the old page stays if that fails
//	err := pages.InvalidateTag(ctx, "post:1") // on the next request
//
// No client gets a response that was made for another client unless the handler allows
// it: see [Config] for what is never stored. Cache-Status (RFC 9211) in each response
// that the cache sends says where it came from, and why it was not stored; [Cache.Stats]
// counts. The cache may wrap a router or stand inside of it. Simultaneous requests for a
// missing response wait for one run of the handler. If an upstream fails or a store
// hangs, the old response stays and one run serves all: no client's request makes the
// cache forget what others need.
//
// # Differences from Next.js
//
//   - Any GET handler takes the place of getStaticProps. What it may use of the request
//     is part of the key: scheme, host, path and query, the headers that steer
//     frameworks, and those it names in Vary.
//   - Revalidate runs the handler in this process. Where Next.js cannot, it sends a HEAD
//     request to the host that the client named, with a secret header.
//   - Revalidate succeeds if the new response was stored, 404 and 410 included. Next.js
//     requires 200 or its own header, and accepts a 404 with unstable_onlyGenerated only.
//   - Invalidated responses are never served again, even while they are revalidated or if
//     that fails. In Next.js that depends on which function was called.
//   - A response that sets a cookie, or that Cache-Control forbids to share, is never
//     stored, whatever its Lifetime; nor is one to a request with a cookie, unless it is
//     public.
package cache
