package cache

import "context"

// tagPrefix tells the tags of handlers from those of paths.
const tagPrefix = "tag:"

// Tag says what the response to the request of ctx is made of, for
// [Cache.InvalidateTag]. Call it in the handler, at any time before that
// returns; it adds to the tags that are there. For a request that is not cached
// it does nothing. Next.js: cacheTag, and next.tags of fetch.
func Tag(ctx context.Context, tags ...string) { flightOf(ctx).addTags(tagPrefix, tags) }

// SetPolicy says how long the response to the request of ctx may be given and
// to whom, over what its Cache-Control header says and what [Config] has: that
// header is for browsers, and a page may well be kept here that they have to ask
// for each time. What the header forbids to store is not stored for that. A policy
// that is not Public takes the Public of the Config back, and the handler runs with
// the credentials of the client then; Cache-Control: public stays.
//
// Call it in the handler, or in a middleware of one route, before anything is
// written. For a request that is not cached it does nothing.
// Next.js: export const revalidate.
func SetPolicy(ctx context.Context, p Policy) {
	if f := flightOf(ctx); f != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.policy = &p
	}
}

// A tagSet is the tags of a response in the order in which they came. A page may
// have thousands.
type tagSet struct {
	list []string
	seen map[string]struct{} // of the list, from some on
}

func (s *tagSet) add(tag string) {
	const few = 16 // up to which the list is looked through
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

// addTags adds the tags to the flight and those around it.
func (f *flight) addTags(prefix string, tags []string) {
	for ; f != nil; f = f.outer {
		f.mu.Lock()
		for _, tag := range tags {
			f.tags.add(prefix + tag)
		}
		f.mu.Unlock()
	}
}

// inherit makes what the flight brings depend on what e depends on.
func (f *flight) inherit(e *Entry) {
	if f != nil {
		f.addTags("", e.Tags)
	}
}

func (f *flight) ownPolicy() *Policy {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.policy
}
