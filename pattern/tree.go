package pattern

import "math/bits"

// A node is where a path stands after some of its segments. Where static
// segments lead from it is in the hash table.
type node struct {
	salt    uint64
	dyn     *node  // where any other segment leads
	dynSalt uint64 // of dyn
	static  bool   // whether static segments lead on
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

// walk finds the route for the path from i on, where a segment starts. It also
// returns the starts of the last segments, see spans. A clean path has neither
// empty nor dot segments; if clean is set, no other matches.
//
// This is the loop that all the time goes to. What is unusual is left to
// functions of its own, so that what is usual fits in registers.
func (m *matcher) walk(n *node, path string, i int, at spans, clean bool) (*leaf, spans) {
	salt, seen := n.salt, uint64(0)
	for p := i; ; {
		// Eight bytes from p on, as load has them.
		var w uint64
		if p+8 <= len(path) {
			w = load8(path, p)
		} else if len(path) >= 8 && p < len(path) {
			w = load8(path, len(path)-8) >> (uint(p+8-len(path)) * 8 & 63)
		} else {
			w = load(path, p)
		}
		seen |= w
		j := len(path)
		if s := slashMask(w); s != 0 {
			j, w = p+bits.TrailingZeros64(s)>>3, w&before(s)
		} else if p+8 < len(path) {
			p += 8
			continue
		}
		at = at.add(i)
		if clean && byte(w) == '.' && isDots(path[i:j]) {
			return nil, 0
		}

		var next *node
		var nextSalt uint64
		if n.static {
			var tail uint64
			if i < p {
				w = load8(path, i)
			}
			if j-i > 8 {
				tail = load8(path, j-8)
				if w = longKey(w, tail); j-i > 16 {
					w = veryLongKey(w, path, i, j)
				}
			}
			hash := m.static.hash(w, salt)
			place := &m.static.places[m.static.index(hash)]
			if place.hash == hash && place.from == n && place.tail == tail && len(place.text) == j-i && (j-i <= 16 || place.text == path[i:j]) {
				next, nextSalt = place.to, place.salt
			} else if place.pass {
				if next = m.static.after(hash, path[i:j], n); next != nil {
					nextSalt = next.salt
				}
			}
		}
		if n.back {
			return m.fork(n, next, path, i, j, at, clean)
		}
		if next == nil {
			if next, nextSalt = n.dyn, n.dynSalt; next == nil || i == j {
				return n.rest(path, i, clean), at.known(highs)
			}
		}
		if j == len(path) {
			return next.end, at.known(seen)
		}
		n, salt, i = next, nextSalt, j+1
		p = i
	}
}

// fork tries one way after the other, for a segment that starts at i and ends
// at j. The first is the static one.
func (m *matcher) fork(n, static *node, path string, i, j int, at spans, clean bool) (*leaf, spans) {
	if i < j {
		for _, way := range [2]*node{static, n.dyn} {
			if way == nil {
				continue
			}
			if j == len(path) {
				if way.end != nil {
					return way.end, at.known(highs)
				}
			} else if l, found := m.walk(way, path, j+1, at, clean); l != nil {
				return l, found | suspectPath
			}
		}
	}
	return n.rest(path, i, clean), at.known(highs)
}

// rest returns the catch-all that takes the path from i on. Only one of those
// takes an empty segment.
func (n *node) rest(path string, i int, clean bool) *leaf {
	l := n.sink
	if i == len(path) || path[i] == '/' {
		l = n.void
	}
	if l != nil && clean && !isClean(path, i) {
		return nil
	}
	return l
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
	branches, nodes int
	leaves          []leaf
	ways            []way
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

// passage reports whether there is one way only, and a static one.
func (b *branch) passage() bool {
	return len(b.static) == 1 && b.single == nil && b.ends() == nil && b.catchAll() == nil
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
func (g *grower) plain(b *branch) *node {
	n := g.node()
	n.end, n.sink, n.void = b.ends(), b.catchAll(), b.catchAll()
	for _, e := range b.static {
		g.ways = append(g.ways, way{n, e.text, g.plain(e.to)})
	}
	if b.single != nil {
		n.dyn = g.plain(b.single)
		n.dynSalt = n.dyn.salt
	}
	n.back = len(b.static) > 0 && (n.dyn != nil || n.sink != nil) || n.dyn != nil && n.sink != nil
	return n
}

func (g *grower) node() *node {
	g.nodes++
	return &node{salt: uint64(g.nodes) * saltStep}
}
