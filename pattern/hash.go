package pattern

import "math/bits"

// A hashTable finds the way that a static segment leads. The places are
// chosen by the top bits of the key times a multiplier, and the build tries
// multipliers and sizes until no two segments fall on the same place: then
// every lookup looks at one place. That is a search for a perfect hash, which
// may fail, and must where two long segments have the same key. What does not
// fit is put in one of the following places, and the places it passed are
// marked: a lookup goes on as long as they are. So the search is free to give
// up early, and the table is right in any case.
type hashTable struct {
	places []place // a power of two in number, at least half of them empty
	mult   uint64
	shift  uint8
}

type place struct {
	key  uint64
	text string
	to   *node
	pass bool // a segment that belongs here or before was put further on
}

type way struct {
	text string
	to   *node
}

func newHashTable(ways []way) (t hashTable) {
	if len(ways) == 0 {
		return t
	}
	// A few attempts find a perfect table for a handful of segments, as nodes
	// have. For hundreds none will, and the first attempt is as good.
	attempts := 16
	if len(ways) > 64 {
		attempts = 1
	}
	least := bits.Len(uint(2*len(ways) - 1))
	passed := -1
	for size := least; size <= least+1; size++ {
		mult := uint64(mix)
		for range attempts {
			if try, n := fill(ways, size, mult); passed < 0 || n < passed {
				t, passed = try, n
			}
			if passed == 0 {
				return t
			}
			mult = mult*6364136223846793005 + 1442695040888963407 | 1
		}
	}
	return t
}

// fill makes a table of 2^size places and counts the segments that are not in
// their own.
func fill(ways []way, size int, mult uint64) (t hashTable, passed int) {
	t = hashTable{places: make([]place, 1<<size), mult: mult, shift: uint8(64 - size)}
	for _, w := range ways {
		_, key := segmentKey(w.text, 0)
		h := t.home(key)
		for t.places[h].to != nil {
			t.places[h].pass = true
			h = (h + 1) % len(t.places)
			passed++
		}
		t.places[h] = place{key, w.text, w.to, false}
	}
	return t, passed
}

func (t *hashTable) home(key uint64) int { return int(key * t.mult >> (t.shift & 63)) }

// find returns where the segment leads, or nil.
func (t *hashTable) find(seg string, key uint64) *node {
	if len(t.places) == 0 {
		return nil
	}
	for h := t.home(key); ; h = (h + 1) & (len(t.places) - 1) {
		p := &t.places[h]
		if p.key == key && len(p.text) == len(seg) && (len(seg) <= 8 || p.text == seg) {
			return p.to
		}
		if !p.pass {
			return nil
		}
	}
}
