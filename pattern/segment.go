package pattern

import "math/bits"

// The tree is walked a segment at a time, and a segment is looked up by a key
// of eight bytes. A segment of up to eight bytes is its own key; that of a
// longer one is mixed from some of its bytes, and the text is compared after
// the keys are. Eight bytes are also what is searched for the slash at once.

const (
	ones    = 0x0101010101010101
	highs   = 0x8080808080808080
	slashes = '/' * ones
	mix     = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
)

// segmentKey returns the end of the segment that starts at i, and its key.
// walk has the same, spelled out for the segments that are usual.
func segmentKey(s string, i int) (end int, key uint64) {
	w := load(s, i)
	if m := slashMask(w); m != 0 {
		return i + bits.TrailingZeros64(m)>>3, w & before(m)
	}
	if len(s)-i <= 8 {
		return len(s), w
	}
	end, key, _ = longSegment(s, i)
	return end, key
}

// longSegment is segmentKey for a segment of eight bytes or more, in a string
// that goes on after them. It also returns all words of the segment, one laid
// over the other.
func longSegment(s string, i int) (end int, key, seen uint64) {
	key = load8(s, i)
	seen = key
	j := i + 8
	for j < len(s) {
		w := load(s, j)
		seen |= w
		if m := slashMask(w); m != 0 {
			j += bits.TrailingZeros64(m) >> 3
			break
		}
		j = min(j+8, len(s))
	}
	if j-i > 8 {
		key = (key*mix ^ load8(s, j-8)) * mix
	}
	if j-i > 16 {
		// Names that begin and end alike are usual, so look at their middle.
		key ^= load8(s, (i+j)/2-4) + uint64(j-i)
	}
	return j, key, seen
}

// slashMask has the highest bit set of the first byte of w that is a slash;
// what it says about the bytes after that one is of no use.
func slashMask(w uint64) uint64 {
	w ^= slashes
	return (w - ones) &^ w & highs
}

// before masks the bytes below the first that m marks.
func before(m uint64) uint64 { return (m ^ (m - 1)) >> 8 }

// load returns the eight bytes of s from i on, the first one lowest, with
// zeros for those beyond its end.
func load(s string, i int) (w uint64) {
	switch {
	case i+8 <= len(s):
		return load8(s, i)
	case len(s) >= 8 && i < len(s):
		return load8(s, len(s)-8) >> (uint(i+8-len(s)) * 8)
	}
	for k := len(s) - 1; k >= i; k-- {
		w = w<<8 | uint64(s[k])
	}
	return w
}

// load8 is one instruction where the byte order is little-endian.
func load8(s string, i int) uint64 {
	t := s[i : i+8]
	return uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
		uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
}
