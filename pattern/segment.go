package pattern

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

// segmentKey returns the key of a segment, and its last eight bytes if it is
// long, which means that it does not fit in eight. Up to sixteen bytes, a
// segment is the same if both are and its length is.
func segmentKey(seg string) (key, tail uint64) {
	n := len(seg)
	if n <= 8 {
		return load(seg, 0), 0
	}
	tail = load8(seg, n-8)
	key = longKey(load8(seg, 0), tail)
	if n > 16 {
		key = veryLongKey(key, seg, 0, n)
	}
	return key, tail
}

func longKey(head, tail uint64) uint64 { return (head*mix ^ tail) * mix }

// veryLongKey looks at the middle of s[i:j] as well, because long names often
// begin and end alike.
func veryLongKey(key uint64, s string, i, j int) uint64 {
	return key ^ load8(s, (i+j)/2-4) + uint64(j-i)
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
