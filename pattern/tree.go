package pattern

// A node is where a path stands after some of its segments.
type node struct {
	static hashTable
	dyn    *node // where any other segment leads
	// back is set if the node has several ways to go on, which are to be tried
	// in turn. No node of an automaton does.
	back bool
	end  *leaf // the route of a path that ends here
	sink *leaf // the catch-all that takes the rest if no way leads on
	void *leaf // the catch-all that takes the rest if the next segment is empty
}

// A leaf is a route in the tree.
type leaf struct {
	*compiled
	index int
	state *node // of the automaton: nothing but this catch-all is left
}

// walk finds the route for the path from its segment k on, which starts at i.
// A clean path has neither empty nor dot segments; if clean is set, no other
// matches.
func (n *node) walk(path string, i, k int, at spans, clean bool) (*leaf, spans) {
	for {
		at.record(k, i)
		k++
		if i == len(path) {
			return n.empty(clean), at
		}
		j, key := segmentKey(path, i)
		if j == i {
			return n.empty(clean), at
		}
		if clean && byte(key) == '.' && isDots(path[i:j]) {
			return nil, at
		}
		next := n.static.find(path[i:j], key)
		if n.back {
			for _, way := range [2]*node{next, n.dyn} {
				if way == nil {
					continue
				}
				if j == len(path) {
					if way.end != nil {
						return way.end, at
					}
				} else if l, at := way.walk(path, j+1, k, at, clean); l != nil {
					return l, at
				}
			}
			next = nil
		} else if next == nil {
			next = n.dyn
		}
		if next == nil {
			if clean && n.sink != nil && !isClean(path, i) {
				return nil, at
			}
			return n.sink, at
		}
		if j == len(path) {
			return next.end, at
		}
		n, i = next, j+1
	}
}

// empty returns the route for a path whose next segment is empty. Only a
// catch-all takes it.
func (n *node) empty(clean bool) *leaf {
	if clean {
		return nil
	}
	return n.void
}

func isDots(seg string) bool { return seg == "." || seg == ".." }

// isClean reports whether no segment of the path from i on is empty or dots.
func isClean(path string, i int) bool {
	for i <= len(path) {
		j := segmentEnd(path, i)
		if i == j || isDots(path[i:j]) {
			return false
		}
		i = j + 1
	}
	return true
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

// grow makes the tree of routes that are sorted and without conflicts.
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

// leaf returns the leaf of the next route, in the order of precedence.
func (g *grower) leaf(r route) *leaf {
	g.leaves = append(g.leaves, leaf{compiled: r.compiled, index: len(g.leaves)})
	return &g.leaves[len(g.leaves)-1]
}

// catchAll returns the route that takes any rest of the path.
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

// plain turns the tree itself into nodes.
func (b *branch) plain() *node {
	n := &node{end: b.ends(), sink: b.catchAll(), void: b.catchAll()}
	ways := make([]way, len(b.static))
	for i, e := range b.static {
		ways[i] = way{e.text, e.to.plain()}
	}
	n.static = newHashTable(ways)
	if b.single != nil {
		n.dyn = b.single.plain()
	}
	n.back = len(ways) > 0 && (n.dyn != nil || n.sink != nil) || n.dyn != nil && n.sink != nil
	return n
}
