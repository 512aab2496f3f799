package pattern

import (
	"math/bits"
	"slices"
)

// Where static segments lead is kept in one hash table for all nodes. The
// place of a segment is given by the hash of its key plus a salt that belongs
// to the node. The salts are chosen while the table is filled, node by node
// and the largest first, so that the segments of a node fall on places that
// are free. With a table at least half empty nearly every attempt succeeds,
// and a lookup looks at one place. That is a perfect hash by displacement.
//
// It cannot always be had: no salt parts two long segments that have the same
// key, and a node with hundreds of segments has some that meet. After a few
// attempts the best salt is taken. A segment that does not fit is put into one
// of the following places, and the places it passed are marked: a lookup goes
// on from a marked place, and ends at any other. So the build ends, and the
// table is right, whatever the segments are.
type hashTable struct {
	places []place // a power of two in number
	shift  uint8
}

// A place fills a line of the processor's cache.
type place struct {
	hash uint64 // of the key and the salt
	tail uint64 // see segmentKey
	text string
	from *node
	to   *node
	pass bool // a segment that belongs here or before was put further on
	_    uint64
}

// A fan is a node with the static segments that lead on from it.
type fan struct {
	from *node
	ways []way
}

type way struct {
	text string
	to   *node
}

func newHashTable(fans []fan) hashTable {
	segments := 0
	for _, f := range fans {
		segments += len(f.ways)
	}
	size := max(1, bits.Len(uint(2*segments)))
	t := hashTable{make([]place, 1<<size), uint8(64 - size)}
	slices.SortStableFunc(fans, func(a, b fan) int { return len(b.ways) - len(a.ways) })
	s := salter{table: &t, tried: make([]uint32, len(t.places))}
	for _, f := range fans {
		f.from.static = true
		f.from.salt = s.salt(f.ways)
		for _, w := range f.ways {
			t.put(f.from, w)
		}
	}
	return t
}

// put puts a segment where it belongs, or into the next place that is free.
func (t *hashTable) put(from *node, w way) {
	key, tail := segmentKey(w.text)
	hash := t.hash(key, from.salt)
	h := t.index(hash)
	for t.places[h].to != nil {
		t.places[h].pass = true
		h = (h + 1) & (len(t.places) - 1)
	}
	t.places[h] = place{hash: hash, tail: tail, text: w.text, from: from, to: w.to}
}

// hash maps the keys of a node one to one: if hash and node are the same, then
// so is the key.
func (t *hashTable) hash(key, salt uint64) uint64 { return key*mix + salt }

func (t *hashTable) index(hash uint64) int { return int(hash >> (t.shift & 63)) }

// A salter chooses salts.
type salter struct {
	table *hashTable
	next  uint64
	turn  uint32
	tried []uint32 // for each place, in which turn it was last looked at
}

// salt returns one with which the segments fall on places that are free.
func (s *salter) salt(ways []way) (best uint64) {
	fewest := len(ways) + 1
	for range max(1, 256/len(ways)) {
		s.next += 0xD6E8FEB86659FD93 // odd, and as good as random
		s.turn++
		taken := 0
		for _, w := range ways {
			key, _ := segmentKey(w.text)
			h := s.table.index(s.table.hash(key, s.next))
			if s.table.places[h].to != nil || s.tried[h] == s.turn {
				taken++
			}
			s.tried[h] = s.turn
		}
		if taken < fewest {
			best, fewest = s.next, taken
		}
		if taken == 0 {
			break
		}
	}
	return best
}

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
