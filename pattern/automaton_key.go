package pattern

import "math/bits"

// The automaton is walked segment by segment, and a segment is looked up by a key of
// eight bytes. A segment of up to eight bytes is its own key; the key of a
// longer one is mixed from all of its bytes. The search for the slash also
// reads eight bytes at a time.

const (
	ones    = 0x0101010101010101
	highs   = 0x8080808080808080
	slashes = '/' * ones
	mix     = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
)

// words returns the first eight bytes of a segment, and the last eight of a
// longer one. Two segments of up to sixteen bytes are equal if both words and
// the lengths are.
func words(seg string) (head, tail uint64) {
	if head = load(seg, 0); len(seg) > 8 {
		tail = load8(seg, len(seg)-8)
	}
	return head, tail
}

// longKey mixes two words so that every bit of either changes bits all over the
// key: segments that differ only in the last bytes must have different places.
// Neither factor is 0 for text: no UTF-8 has the bytes of these constants.
func longKey(head, tail uint64) uint64 {
	hi, lo := bits.Mul64(head^mix, tail^highs)
	return hi ^ lo
}

// slashMask has the highest bit set of the first byte of w that is a slash; its
// bits for later bytes are undefined.
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
