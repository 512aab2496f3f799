package cache

import "context"

// tagPrefix separates the tags of handlers from those of paths.
const tagPrefix = "tag:"

// Tag adds tags to the response to the request of ctx, for [Cache.InvalidateTag]. Call it
// in the handler, at any time before that returns; it adds to earlier tags. It is a no-op
// for a request that is not cached. A 404 is stored as well: call Tag before looking for
// the record, or the 404 stays when the record is created. Next.js: cacheTag, and
// next.tags of fetch.
func Tag(ctx context.Context, tags ...string) { flightOf(ctx).addTags(tagPrefix, tags) }

// SetLifetime sets how long, and to which clients, the cache may serve the response to
// the request of ctx. It takes precedence over Cache-Control and [Config]: that header is
// for browsers, and a page may be cached here that browsers must revalidate each time. A
// response that the header forbids to store is still not stored. A Lifetime that is not
// Public revokes the Public of the Config, and the handler runs again with the client's
// credentials; Cache-Control: public stays in effect.
//
// Call it in the handler, or in a middleware of one route, before anything is written. It
// is a no-op for a request that is not cached. Next.js: export const revalidate.
func SetLifetime(ctx context.Context, p Lifetime) {
	if f := flightOf(ctx); f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.lifetime = &p
	}
}

// A tagSet is the tags of a response in the order they were added. A page may have
// thousands.
type tagSet struct {
	list []string
	seen map[string]struct{} // the list as a set, if it is long
}

func (s *tagSet) add(tag string) {
	const few = 16 // up to which the list is searched
	if s.seen == nil && len(s.list) < few {
		for _, t := range s.list {
			if t == tag {
				return
			}
		}
		s.list = append(s.list, tag)
		return
	}
	if s.seen == nil {
		s.seen = make(map[string]struct{}, 4*few)
		for _, t := range s.list {
			s.seen[t] = struct{}{}
		}
	}
	if _, ok := s.seen[tag]; !ok {
		s.seen[tag] = struct{}{}
		s.list = append(s.list, tag)
	}
}

// addTags adds the tags to the flight and to the flights around it.
func (f *flight) addTags(prefix string, tags []string) {
	for ; f != nil; f = f.outer {
		f.mu.Lock()
		for _, tag := range tags {
			f.tags.add(prefix + tag)
		}
		f.mu.Unlock()
	}
}

// inherit makes the flight's response depend on what e depends on.
func (f *flight) inherit(e *Entry) {
	if f != nil {
		f.addTags("", e.Tags)
	}
}

func (f *flight) ownLifetime() *Lifetime {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lifetime
}
