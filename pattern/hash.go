package pattern

import "math/bits"

// Where static segments lead is kept in one hash table for the whole tree. A
// node has a salt, which is added to the hash of the segment. So the next
// place to look at depends on the last one by an addition and a shift only,
// and the processor is through with the segment, which it does not need to
// know the node for, by the time it gets there. A table for each node would
// cost two more loads, one after the other, at every step.
//
// The search for a perfect hash, one with no two segments in the same place,
// cannot succeed for so many, and must not for two long segments with the same
// key. A segment that finds its place taken is put into one of the next, and
// the places it passes are marked: a lookup goes on from a marked place, and
// ends at any other. The build tries a few ways to scatter the segments and
// keeps the one with the fewest marks.
type hashTable struct {
	places []place // a power of two in number, at least half of them empty
	mult   uint64
	shift  uint8
}

// A place fills a line of the processor's cache.
type place struct {
	hash uint64 // of the key and the salt
	from *node
	to   *node
	salt uint64 // of to
	text string
	tail uint64 // see segmentKey
	pass bool   // a segment that belongs here or before was put further on
}

// saltStep is odd, so that all salts differ, and as good as random.
const saltStep = 0xD6E8FEB86659FD93

// A way is a static segment, and where it leads.
type way struct {
	from *node
	text string
	to   *node
}

func newHashTable(ways []way) (t hashTable) {
	const work = 1 << 14 // segments put anywhere before the search gives up
	least := bits.Len(uint(2*len(ways) + 1))
	mult, best := uint64(mix), len(ways)
	for attempt := range min(16, 1+work/(1+len(ways))) {
		size := least
		if attempt >= 8 {
			size++
		}
		try, passed := fill(ways, size, mult)
		if passed < best || attempt == 0 {
			t, best = try, passed
		}
		if best == 0 {
			break
		}
		mult = mult*6364136223846793005 + 1442695040888963407 | 1
	}
	return t
}

// fill makes a table of 2^size places and counts the segments that are not in
// their own.
func fill(ways []way, size int, mult uint64) (t hashTable, passed int) {
	t = hashTable{make([]place, 1<<size), mult, uint8(64 - size)}
	for _, w := range ways {
		key, tail := segmentKey(w.text)
		hash := t.hash(key, w.from.salt)
		h := t.index(hash)
		for t.places[h].to != nil {
			t.places[h].pass = true
			h = (h + 1) & (len(t.places) - 1)
			passed++
		}
		w.from.static = true
		t.places[h] = place{hash, w.from, w.to, w.to.salt, w.text, tail, false}
	}
	return t, passed
}

// hash maps the keys of a node one to one: if hash and node are the same, then
// so is the key.
func (t *hashTable) hash(key, salt uint64) uint64 { return key*t.mult + salt }

func (t *hashTable) index(hash uint64) int { return int(hash >> (t.shift & 63)) }

// find returns where a segment leads, or nil.
func (t *hashTable) find(seg string, from *node) *node {
	key, _ := segmentKey(seg)
	hash := t.hash(key, from.salt)
	if p := &t.places[t.index(hash)]; p.is(hash, seg, from) {
		return p.to
	}
	return t.after(hash, seg, from)
}

// after looks for a segment behind the place where it belongs.
func (t *hashTable) after(hash uint64, seg string, from *node) *node {
	h := t.index(hash)
	for t.places[h].pass {
		h = (h + 1) & (len(t.places) - 1)
		if p := &t.places[h]; p.is(hash, seg, from) {
			return p.to
		}
	}
	return nil
}

func (p *place) is(hash uint64, seg string, from *node) bool {
	return p.hash == hash && p.from == from && p.text == seg
}
