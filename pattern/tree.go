package pattern

import "sort"

// A leaf is a route in the tree.
type leaf struct {
	*compiled
	index int    // of the route, by precedence
	state *state // of the automaton: only this catch-all is left
}

// A branch is a node of the tree of patterns, in which every path from the
// root is a pattern up to some segment.
type branch struct {
	kinds               kindSet // which of the following there are
	static              []edge  // by text
	single              *branch
	end, rest, optional *leaf
	id                  int
	state               *state // of the automaton: only this branch is left
}

type edge struct {
	text string
	to   *branch
}

// grow makes the tree of sorted routes without conflicts.
type grower struct {
	branches int
	leaves   []leaf
}

// grow visits the routes in order of precedence: leaves are numbered by it.
func (g *grower) grow(routes []route, depth int) *branch {
	b := &branch{id: g.branches}
	g.branches++
	for k, routes := range split(routes, depth) {
		if len(routes) == 0 {
			continue
		}
		b.kinds = b.kinds.with(kind(k))
		switch kind(k) {
		case end:
			b.end = g.leaf(routes[0])
		case static:
			for same := range byText(routes, depth) {
				b.static = append(b.static, edge{same[0].segs[depth].text, g.grow(same, depth+1)})
			}
		case single:
			b.single = g.grow(routes, depth+1)
		case rest:
			b.rest = g.leaf(routes[0])
		case optional:
			b.optional = g.leaf(routes[0])
		}
	}
	return b
}

// leaf returns the leaf of the next route.
func (g *grower) leaf(r route) *leaf {
	g.leaves = append(g.leaves, leaf{compiled: r.compiled, index: len(g.leaves)})
	return &g.leaves[len(g.leaves)-1]
}

// passage reports whether there is only one edge, a static one.
func (b *branch) passage() bool {
	return len(b.static) == 1 && b.single == nil && b.ends() == nil && b.catchAll() == nil
}

// catchAll returns the route that takes the rest of the path. A branch has one
// at most: the other pair is a conflict.
func (b *branch) catchAll() *leaf {
	if b.rest != nil {
		return b.rest
	}
	return b.optional
}

// ends returns the route of a path that ends here. Here too, there is one at
// most.
func (b *branch) ends() *leaf {
	if b.end != nil {
		return b.end
	}
	return b.optional
}

func (b *branch) child(text string) *branch {
	i := sort.Search(len(b.static), func(i int) bool { return b.static[i].text >= text })
	if i < len(b.static) && b.static[i].text == text {
		return b.static[i].to
	}
	return nil
}

// find finds the route for the path from i on, where a segment starts. It
// replaces walk for routes without an automaton, and backtracks: it tries every
// kind in order of precedence until one leads to a route.
func (b *branch) find(path string, i int, starts offsets) (*leaf, offsets) {
	if i > len(path) {
		return b.ends(), starts.withFlags(highs)
	}
	j := segmentEnd(path, i)
	for left := b.kinds; left != 0; left = left.withoutFirst() {
		var next *branch
		switch left.first() {
		case static:
			next = b.child(path[i:j])
		case single:
			if i < j { // an empty segment is a value inside of a catch-all only
				next = b.single
			}
		case rest:
			return b.rest, starts.withFlags(highs)
		case optional:
			return b.optional, starts.withFlags(highs)
		}
		if next == nil {
			continue
		}
		if l, starts := next.find(path, j+1, starts.add(i)); l != nil {
			return l, starts
		}
	}
	return nil, starts
}
