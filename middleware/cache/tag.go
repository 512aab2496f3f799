package cache

import "context"

// tagPrefix tells the tags of handlers from those of paths.
const tagPrefix = "tag:"

// Tag says what the response to the request of ctx is made of, for
// [Cache.InvalidateTag]. Call it in the handler, at any time before that
// returns; it adds to the tags that are there. For a request that is not cached
// it does nothing. Next.js: cacheTag, and next.tags of fetch.
func Tag(ctx context.Context, tags ...string) { fillOf(ctx).addTags(tags) }

// SetPolicy says how long the response to the request of ctx may be given and
// to whom, over what its Cache-Control header says and what [Config] has: that
// header is for browsers, and a page may well be kept here that they have to ask
// for each time. What the header forbids to store is not stored for that.
//
// Call it in the handler, or in a middleware of one route, before anything is
// written. For a request that is not cached it does nothing.
// Next.js: export const revalidate.
func SetPolicy(ctx context.Context, p Policy) {
	if f := fillOf(ctx); f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.policy = p
	}
}
