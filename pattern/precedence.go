package pattern

import (
	"cmp"
	"iter"
	"math/bits"
	"strings"
)

// A kind is what a pattern has at a depth: its end, or a kind of segment.
//
// The order of these constants is the order of precedence of Next.js, and the
// only statement of it in this package. Sort compares by it, the search for
// conflicts and the tree group the sorted routes by it (split), and the tree, as
// well as the automaton that is made of it, follow a path by it (kindSet). So the
// routes that Sort and All list are in the order in which they match.
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

// A kindSet is a set of kinds, a bit for each. To visit them in order of
// precedence, take the first as long as there is one:
//
//	for left := set; left != 0; left = left.withoutFirst() {
type kindSet uint8

func (s kindSet) with(k kind) kindSet   { return s | 1<<k }
func (s kindSet) first() kind           { return kind(bits.TrailingZeros8(uint8(s))) }
func (s kindSet) withoutFirst() kindSet { return s & (s - 1) }

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
	shorter := min(len(a.segs), len(b.segs))
	for depth := range shorter {
		x, y := &a.segs[depth], &b.segs[depth]
		if x.kind != y.kind {
			return cmp.Compare(x.kind, y.kind)
		}
		if x.kind == static && x.text != y.text {
			return strings.Compare(x.text, y.text)
		}
	}
	return cmp.Or(cmp.Compare(a.kindAt(shorter), b.kindAt(shorter)), strings.Compare(a.text, b.text))
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
