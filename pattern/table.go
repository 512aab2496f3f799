package pattern

import (
	"iter"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// A Table finds the route for a path. It is immutable and safe for concurrent
// use.
type Table[T any] struct {
	matcher
	values []T // by precedence
}

// A Match is the result of a [Table].
type Match[T any] struct {
	Pattern Pattern // the route
	Value   T       // the table's value for the route
	Params  Params  // the parameters of the path
}

// NewTable makes a table of patterns and their values. For the errors see
// [ConflictError]; in addition to those of Next.js, two keys for the same route
// are an error, as is an empty name.
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

// The results of Match and MatchURL are named so that they are filled in place.
// Copying a Match costs as much as finding one.

// Match finds the route for a percent-encoded path, as r.URL.EscapedPath()
// returns it. [Pattern.Match] describes how a single pattern matches; of
// several, the first in the order of [Sort] wins, even if another was more
// specific up to some segment. The errors are those of Pattern.Match.
//
// A match takes time in proportion to the length of the path, whether or not a
// route matches. The time does not depend on the number of routes, nor on their
// common parts: segments are looked up by a hash of all their bytes, as in a map.
// The exception is a set of routes with too many combinations of static text and
// parameters for a table of all of them: it may take as many steps as the routes
// have segments. Nothing is allocated if the path has no percent sign.
func (t *Table[T]) Match(escapedPath string) (m Match[T], err error) {
	l, params, err := t.match(escapedPath, false, false)
	if err == nil {
		m.Pattern, m.Value, m.Params = Pattern{l.compiled}, t.values[l.index], params
	}
	return m, err
}

// MatchURL is Match of u.EscapedPath(). It is faster for the many paths without
// anything encoded, which it does not encode and decode again.
func (t *Table[T]) MatchURL(u *url.URL) (m Match[T], err error) {
	path, decoded := u.Path, true
	if u.RawPath != "" {
		path, decoded = u.EscapedPath(), false
	}
	l, params, err := t.match(path, decoded, false)
	if err == nil {
		m.Pattern, m.Value, m.Params = Pattern{l.compiled}, t.values[l.index], params
	}
	return m, err
}

// All iterates over the routes in order of precedence.
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
	leaves []leaf // by precedence
	tree   *branch
	root   *state // nil if there is no automaton
	static hashTable

	// The static segments that all routes begin with, such as "/api/", up to
	// eight bytes of them: for a path whose first bytes under the mask are the
	// prefix, the walk begins after it.
	prefix, mask uint64
	prefixLen    int
	prefixState  *state  // where the prefix leads
	prefixStarts offsets // of its segments
}

func newMatcher(sorted []route) matcher {
	g := grower{leaves: make([]leaf, 0, len(sorted))}
	m := matcher{tree: g.grow(sorted, 0), prefixLen: 1}
	m.leaves = g.leaves
	if m.root, m.static = automaton(m.tree, g.branches); m.root == nil {
		return m
	}
	m.prefixState = m.root
	prefix := "/"
	for b := m.tree; b.passage(); b = b.static[0].to {
		text := b.static[0].text
		if prefix += text + "/"; len(prefix) > 8 || isDots(text) {
			break
		}
		m.prefix, m.mask = load(prefix, 0), 1<<(8*len(prefix))-1
		m.prefixStarts = m.prefixStarts.add(m.prefixLen)
		m.prefixLen = len(prefix)
		m.prefixState = m.static.find(text, m.prefixState)
	}
	m.tree = &branch{end: m.tree.end, optional: m.tree.optional} // for the route of "/"
	return m
}

// match finds the route for a path, decoded already or not. If clean is set,
// only clean paths match.
func (m *matcher) match(path string, decoded, clean bool) (l *leaf, params Params, err error) {
	if path == "" || path[0] != '/' {
		return nil, Params{}, ErrNoMatch
	}
	path = trimSlash(path)
	decodedPath, encoded := path, !decoded && strings.IndexByte(path, '%') >= 0
	if encoded {
		decodedPath = decodeForRouting(path)
	}

	var starts offsets
	switch s, i := m.root, 1; {
	case len(decodedPath) == 1:
		l = m.tree.ends()
	case s == nil:
		l, starts = m.tree.find(decodedPath, i, 0)
	default:
		if len(decodedPath) >= 8 && load8(decodedPath, 0)&m.mask == m.prefix {
			s, i, starts = m.prefixState, m.prefixLen, m.prefixStarts
		}
		l, starts = m.static.walk(s, decodedPath, i, starts)
	}
	if l == nil {
		return nil, Params{}, ErrNoMatch
	}
	if encoded {
		starts = encodedPath | suspectPath // the others are those of decodedPath
	}
	params = Params{l.compiled, path, starts}
	if starts&suspectPath != 0 {
		if clean && !isClean(decodedPath) {
			return nil, Params{}, ErrNoMatch
		}
		if err := params.check(); err != nil {
			return nil, Params{}, err
		}
	}
	return l, params, nil
}

// isDots reports whether browsers and servers resolve a segment.
func isDots(seg string) bool { return seg == "." || seg == ".." }

// isClean reports whether no segment of a path is empty or dots.
func isClean(path string) bool {
	for i := 1; i <= len(path); {
		j := segmentEnd(path, i)
		if i == j || isDots(path[i:j]) {
			return false
		}
		i = j + 1
	}
	return true
}
