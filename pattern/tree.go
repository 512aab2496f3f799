package pattern

import "sort"

// A leaf is a route in the tree.
type leaf struct {
	*compiled
	index int
	state *node // of the automaton: only this catch-all is left
}

// A branch is a node of the tree of patterns, in which every path from the
// root is a pattern up to some segment.
type branch struct {
	static              []edge // by text
	single              *branch
	end, rest, optional *leaf
	id                  int
	state               *node // of the automaton: only this branch is left
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

func (g *grower) grow(routes []route, depth int) *branch {
	b := &branch{id: g.branches}
	g.branches++
	l := split(routes, depth)
	for _, r := range l.end {
		b.end = g.leaf(r)
	}
	for group := range groups(l.static, depth) {
		b.static = append(b.static, edge{group[0].segs[depth].text, g.grow(group, depth+1)})
	}
	if len(l.single) > 0 {
		b.single = g.grow(l.single, depth+1)
	}
	for _, r := range l.rest {
		b.rest = g.leaf(r)
	}
	for _, r := range l.optional {
		b.optional = g.leaf(r)
	}
	return b
}

// leaf returns the leaf of the next route, in order of precedence.
func (g *grower) leaf(r route) *leaf {
	g.leaves = append(g.leaves, leaf{compiled: r.compiled, index: len(g.leaves)})
	return &g.leaves[len(g.leaves)-1]
}

// passage reports whether there is only one edge, a static one.
func (b *branch) passage() bool {
	return len(b.static) == 1 && b.single == nil && b.ends() == nil && b.catchAll() == nil
}

// catchAll returns the route that takes the rest of the path.
func (b *branch) catchAll() *leaf {
	if b.rest != nil {
		return b.rest
	}
	return b.optional
}

// ends returns the route of a path that ends here.
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
// replaces walk for routes without an automaton.
func (b *branch) find(path string, i int, at spans) (*leaf, spans) {
	if i > len(path) {
		return b.ends(), at.known(highs)
	}
	if j := segmentEnd(path, i); i < j {
		for _, way := range [2]*branch{b.child(path[i:j]), b.single} {
			if way == nil {
				continue
			}
			if l, at := way.find(path, j+1, at.add(i)); l != nil {
				return l, at
			}
		}
	}
	return b.catchAll(), at.known(highs)
}
