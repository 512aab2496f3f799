package pattern

import "math/bits"

// The tree is walked a segment at a time, and a segment is looked up by a key
// of eight bytes. A segment of up to eight bytes is its own key; that of a
// longer one is mixed from its first and its last eight bytes, and the text
// is compared after the keys are. Eight bytes are also what is searched for
// the slash at once.

const (
	ones    = 0x0101010101010101
	highs   = 0x8080808080808080
	slashes = '/' * ones
	mix     = 0x9E3779B97F4A7C15 // 2^64 divided by the golden ratio
)

// segmentKey returns the end of the segment that starts at i, and its key.
func segmentKey(s string, i int) (end int, key uint64) {
	w := load(s, i)
	if m := slashMask(w); m != 0 {
		n := uint(bits.TrailingZeros64(m)) &^ 7 // in bits
		return i + int(n>>3), w & (1<<n - 1)
	}
	if len(s)-i <= 8 {
		return len(s), w
	}
	j := i + 8
	for {
		if m := slashMask(load(s, j)); m != 0 {
			j += bits.TrailingZeros64(m) >> 3
			break
		}
		if j += 8; j >= len(s) {
			j = len(s)
			break
		}
	}
	if j == i+8 {
		return j, w
	}
	return j, w*mix ^ load(s[:j], j-8)
}

// slashMask has the highest bit set of the first byte of w that is a slash;
// what it says about the bytes above that one is of no use.
func slashMask(w uint64) uint64 {
	w ^= slashes
	return (w - ones) &^ w & highs
}

// load returns the eight bytes of s from i on, the first one lowest, with
// zeros for those beyond its end.
func load(s string, i int) uint64 {
	if i+8 <= len(s) {
		return load8(s[i : i+8])
	}
	if len(s) >= 8 {
		return load8(s[len(s)-8:]) >> (uint(i+8-len(s)) * 8)
	}
	var w uint64
	for k := len(s) - 1; k >= i; k-- {
		w = w<<8 | uint64(s[k])
	}
	return w
}

// load8 is one instruction where the byte order is little-endian.
func load8(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
