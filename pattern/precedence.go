package pattern

import (
	"cmp"
	"iter"
	"strings"
)

// A kind is what a pattern has at a depth: its end, or a kind of segment.
//
// The order of these constants is the order of precedence of Next.js, and the
// only statement of it in this package. Sort compares by it, the search for
// conflicts and the tree group the sorted routes by it (split), and both the
// tree and the automaton that is made of it follow a path by it (branch.step).
// So the routes that Sort and All list are in the order in which they match.
type kind uint8

const (
	end      kind = iota // the pattern ends here
	static               // text, in byte order
	single               // [x]
	rest                 // [...x], one segment or more
	optional             // [[...x]], any number of segments

	kinds // how many there are: range kinds is the order of precedence
)

func (k kind) isParam() bool { return k == single || k.isCatchAll() }

func (k kind) isCatchAll() bool { return k == rest || k == optional }

// kindAt returns what the pattern has after depth segments.
func (c *compiled) kindAt(depth int) kind {
	if depth == len(c.segs) {
		return end
	}
	return c.segs[depth].kind
}

// compare orders patterns by precedence, segment by segment from the left.
// Patterns that differ only in names are ordered by them.
func compare(a, b *compiled) int {
	for depth := 0; ; depth++ {
		x, y := a.kindAt(depth), b.kindAt(depth)
		if x != y {
			return cmp.Compare(x, y)
		}
		if x == end {
			return strings.Compare(a.text, b.text)
		}
		if x == static && a.segs[depth].text != b.segs[depth].text {
			return strings.Compare(a.segs[depth].text, b.segs[depth].text)
		}
	}
}

// A level has the routes with the same first segments, by what they have next.
type level [kinds][]route

// split returns the level of sorted routes at a depth.
func split(routes []route, depth int) (l level) {
	for k := range kinds {
		n := 0
		for n < len(routes) && routes[n].kindAt(depth) == k {
			n++
		}
		l[k], routes = routes[:n:n], routes[n:]
	}
	return l
}

// byText iterates over the runs of routes with the same text at a depth.
func byText(routes []route, depth int) iter.Seq[[]route] {
	return func(yield func([]route) bool) {
		for start, i := 0, 1; i <= len(routes); i++ {
			if i < len(routes) && routes[i].segs[depth].text == routes[start].segs[depth].text {
				continue
			}
			if !yield(routes[start:i]) {
				return
			}
			start = i
		}
	}
}

// A position is where a path may be in the tree: at a branch, or inside of a
// catch-all. The zero position is nowhere.
type position struct {
	branch   *branch
	catchAll *leaf
}

// step returns the position after a segment that the branch takes as a kind.
// Of several kinds that lead somewhere, the first in the order wins.
func (b *branch) step(k kind, segment string) position {
	switch k {
	case static:
		return position{branch: b.child(segment)}
	case single:
		return position{branch: b.single}
	case rest:
		return position{catchAll: b.rest}
	case optional:
		return position{catchAll: b.optional}
	}
	return position{}
}
