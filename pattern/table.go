package pattern

import (
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Table finds the route for a path among many. It is immutable and safe for
// concurrent use.
type Table[T any] struct {
	matcher
	values []T // by precedence
}

// A Match is what a [Table] finds.
type Match[T any] struct {
	Pattern Pattern
	Value   T
	Params  Params
}

// NewTable makes a table of patterns and what they stand for. The errors are
// described at [ConflictError]; in addition to what Next.js refuses, two keys
// that are the same route are an error, and so is an empty name.
func NewTable[T any](routes map[string]T) (*Table[T], error) {
	keys := slices.Sorted(maps.Keys(routes))
	sorted, err := arrange(keys, true)
	if err != nil {
		return nil, err
	}
	t := &Table[T]{matcher: newMatcher(sorted), values: make([]T, len(sorted))}
	for i, r := range sorted {
		t.values[i] = routes[r.key]
	}
	return t, nil
}

// Match finds the route for a percent-encoded path, as r.URL.EscapedPath()
// returns it. How a single pattern matches is said at [Pattern.Match]; of
// several, the first in the order of [Sort] gets the path, even if another
// seemed better up to some segment. The errors are those of Pattern.Match.
//
// The time is proportional to the length of the path, whatever the routes.
// There is one exception, for sets of routes whose combinations would take up
// too much memory: then it is bounded by their number as well. Nothing is
// allocated if the path has no percent sign.
func (t *Table[T]) Match(escapedPath string) (Match[T], error) {
	return t.result(t.match(escapedPath, false, false))
}

// MatchURL is Match of u.EscapedPath(). It is faster, because most paths have
// nothing encoded in them and are not encoded to be decoded again.
func (t *Table[T]) MatchURL(u *url.URL) (Match[T], error) {
	path, decoded := requestPath(u)
	return t.result(t.match(path, decoded, false))
}

func (t *Table[T]) result(l *leaf, params Params, err error) (Match[T], error) {
	if err != nil {
		return Match[T]{}, err
	}
	return Match[T]{Pattern{l.compiled}, t.values[l.index], params}, nil
}

// All iterates over the routes in the order of precedence.
func (t *Table[T]) All() iter.Seq2[Pattern, T] {
	return func(yield func(Pattern, T) bool) {
		for i := range t.leaves {
			if !yield(Pattern{t.leaves[i].compiled}, t.values[i]) {
				return
			}
		}
	}
}

// A matcher is a table without values.
type matcher struct {
	root   *node
	leaves []leaf // by precedence
}

func newMatcher(sorted []route) matcher {
	g := grower{leaves: make([]leaf, 0, len(sorted))}
	tree := g.grow(sorted, 0)
	root := g.automaton(tree)
	if root == nil {
		root = tree.plain()
	}
	return matcher{root, g.leaves}
}

// match finds the route for a path that is decoded already, or not. The paths
// that are not clean can be kept out.
func (m *matcher) match(path string, decoded, clean bool) (*leaf, Params, error) {
	if path == "" || path[0] != '/' {
		return nil, Params{}, ErrNoMatch
	}
	path = trimSlash(path)
	shadow, encoded := path, false
	if !decoded && strings.IndexByte(path, '%') >= 0 {
		shadow, encoded = decodeForRouting(path), true
	}
	l, at := m.root.end, spans{}
	if len(shadow) > 1 {
		l, at = m.root.walk(shadow, 1, 0, newSpans(shadow), clean)
	}
	if l == nil {
		return nil, Params{}, ErrNoMatch
	}
	if encoded {
		at = encodedSpans
	}
	params := Params{l.compiled, path, at}
	if err := params.check(); err != nil {
		return nil, Params{}, err
	}
	return l, params, nil
}
