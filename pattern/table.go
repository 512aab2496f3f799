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
	root   *node // nil if there is no automaton
	static hashTable

	// The static segments that all routes begin with, such as "/api/", up to
	// eight bytes of them: a path whose first bytes under the mask are the
	// prefix starts at skip, from the node they lead to.
	prefix, mask uint64
	skip         int
	from         *node
	starts       spans
}

func newMatcher(sorted []route) matcher {
	g := grower{leaves: make([]leaf, 0, len(sorted))}
	m := matcher{tree: g.grow(sorted, 0), skip: 1}
	m.leaves = g.leaves
	if m.root, m.static = automaton(m.tree, g.branches); m.root == nil {
		return m
	}
	m.from = m.root
	prefix := "/"
	for b := m.tree; b.passage(); b = b.static[0].to {
		text := b.static[0].text
		if prefix += text + "/"; len(prefix) > 8 || isDots(text) {
			break
		}
		m.prefix, m.mask = load(prefix, 0), 1<<(8*len(prefix))-1
		m.starts = m.starts.add(m.skip)
		m.skip = len(prefix)
		m.from = m.static.find(text, m.from)
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
	shadow, encoded := path, !decoded && strings.IndexByte(path, '%') >= 0
	if encoded {
		shadow = decodeForRouting(path)
	}

	var at spans
	switch n, i := m.root, 1; {
	case len(shadow) == 1:
		l = m.tree.ends()
	case n == nil:
		l, at = m.tree.find(shadow, i, 0)
	default:
		if len(shadow) >= 8 && load8(shadow, 0)&m.mask == m.prefix {
			n, i, at = m.from, m.skip, m.starts
		}
		l, at = m.static.walk(n, shadow, i, at)
	}
	if l == nil {
		return nil, Params{}, ErrNoMatch
	}
	if encoded {
		at = encodedPath | suspectPath // the starts are those of the shadow
	}
	params = Params{l.compiled, path, at}
	if at&suspectPath != 0 {
		if clean && !isClean(shadow) {
			return nil, Params{}, ErrNoMatch
		}
		if err := params.check(); err != nil {
			return nil, Params{}, err
		}
	}
	return l, params, nil
}
