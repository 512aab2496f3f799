package pattern

import "math/bits"

// A state of the automaton stands for the positions that a path may have after
// some of its segments. The hash table has the transitions of static segments.
type state struct {
	hasStatic    bool   // whether static segments lead on
	salt         uint64 // for their places in the hash table
	param        *state // after any other segment
	end          *leaf  // the route of a path that ends here
	catchAll     *leaf  // takes the rest if no segment leads on
	emptySegment *leaf  // takes the rest if the next segment is empty
}

// walk finds the route for the path from i on, where a segment starts. It also
// returns the offsets of the last segments.
//
// Nearly all the time is spent in this loop. Rare cases are in separate
// functions, so that the common ones fit in registers.
func (t *hashTable) walk(s *state, path string, i int, starts offsets) (*leaf, offsets) {
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
		if m := slashMask(w); m != 0 {
			j, w = p+bits.TrailingZeros64(m)>>3, w&before(m)
		} else if p+8 < len(path) {
			p += 8
			continue
		}
		starts = starts.add(i)
		if byte(w) == '.' {
			seen = highs // may be a dot segment
		}

		var next *state
		if s.hasStatic {
			if j-i > 16 {
				next = t.find(path[i:j], s)
			} else {
				if i < p {
					w = load8(path, i)
				}
				key, tail := w, uint64(0)
				if j-i > 8 {
					tail = load8(path, j-8)
					key = longKey(w, tail)
				}
				place := &t.places[t.index(key, s.salt)]
				if place.head == w && place.from == s && place.tail == tail && len(place.text) == j-i {
					next = place.to
				} else if place.pass {
					next = t.find(path[i:j], s)
				}
			}
		}
		if next == nil {
			if i == j {
				return s.emptySegment, starts.withFlags(highs)
			}
			if next = s.param; next == nil {
				return s.catchAll, starts.withFlags(highs)
			}
		}
		if j == len(path) {
			return next.end, starts.withFlags(seen)
		}
		s, i, p = next, j+1, j+1
	}
}
