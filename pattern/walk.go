package pattern

import "math/bits"

// A node is a state of the automaton: the position of a path after some of its
// segments. The hash table holds the edges of its static segments.
type node struct {
	static bool   // whether static segments lead on
	salt   uint64 // for their places in the hash table
	dyn    *node  // the state after any other segment
	end    *leaf  // the route of a path that ends here
	sink   *leaf  // the catch-all that takes the rest if no edge matches
	void   *leaf  // the catch-all that takes the rest if the next segment is empty
}

// walk finds the route for the path from i on, where a segment starts. It also
// returns the starts of the last segments, see spans.
//
// Nearly all the time is spent in this loop. Rare cases are in separate
// functions, so that the common ones fit in registers.
func (t *hashTable) walk(n *node, path string, i int, at spans) (*leaf, spans) {
	seen := uint64(0)
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
		if byte(w) == '.' {
			seen = highs // may be a dot segment
		}

		var next *node
		if n.static {
			if j-i > 16 {
				next = t.find(path[i:j], n)
			} else {
				if i < p {
					w = load8(path, i)
				}
				key, tail := w, uint64(0)
				if j-i > 8 {
					tail = load8(path, j-8)
					key = longKey(w, tail)
				}
				place := &t.places[t.index(key, n.salt)]
				if place.head == w && place.from == n && place.tail == tail && len(place.text) == j-i {
					next = place.to
				} else if place.pass {
					next = t.find(path[i:j], n)
				}
			}
		}
		if next == nil {
			if i == j {
				return n.void, at.known(highs)
			}
			if next = n.dyn; next == nil {
				return n.sink, at.known(highs)
			}
		}
		if j == len(path) {
			return next.end, at.known(seen)
		}
		n, i, p = next, j+1, j+1
	}
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
