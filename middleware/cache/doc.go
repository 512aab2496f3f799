// Package cache is a response cache by RFC 9111 with Next.js's incremental static
// regeneration: a page is rendered once, served while it is renewed in the
// background, and revalidated on demand.
//
//	mux := http.NewServeMux()
//	pages := cache.New(cache.Config{
//		Policy: cache.Policy{TTL: time.Hour, StaleWhileRevalidate: 24 * time.Hour},
//		Origin: mux,
//	})
//	mux.Handle("GET /blog/{id}", pages.Middleware(post))
//
//	cache.Tag(r.Context(), "post:1")          // in the handler
//	err := pages.Revalidate(ctx, "/blog/1")   // now; the old page stays if that fails
//	err := pages.InvalidateTag(ctx, "post:1") // with the next reader
//
// What one client may see is not given to another unless the handler says so:
// see [Config] for what is never kept. Cache-Status (RFC 9211) in each response
// tells where it came from, and why it was not stored; [Cache.Stats] counts. It may
// stand around a router or inside of it. Those who ask at the same time for what is not
// there wait for one run of the handler. An upstream that fails, or a store that
// hangs, leaves the old page and one run for all: nothing that one client sends
// makes it forget what others need.
//
// # Differences from Next.js
//
//   - Any GET handler takes the part of getStaticProps. What it may take from
//     the request is part of the key: scheme, host, path and query, the headers that
//     steer frameworks, and those it names in Vary.
//   - Revalidate runs the handler in this process. Where Next.js cannot, it
//     sends a HEAD request to the host that the client named, with a secret
//     header.
//   - Revalidate succeeds if the new response was stored, 404 and 410 included.
//     Next.js asks for 200 or its own header, and takes a 404 for a success
//     with unstable_onlyGenerated only.
//   - Nothing that was invalidated is served again, also while it is renewed or
//     if that fails. In Next.js that depends on which function was called.
//   - A response that sets a cookie, or that Cache-Control forbids to share, is
//     not stored, whatever the policy is; nor is one to a request with a cookie,
//     unless it is public.
package cache
