package pattern

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// One hash table for all nodes holds the edges of static segments. The place of
// a segment is the hash of its key plus a salt of the node. The salts are
// chosen while the table is filled, node by node and the largest first, so that
// the segments of a node fall on free places. In a table that is at least half
// empty nearly every attempt succeeds, and a lookup reads one place. This is a
// perfect hash by displacement.
//
// It is not always possible: a node with hundreds of segments has collisions.
// After a few attempts the best salt is used. A segment that does not fit goes
// into one of the following places, and the places it passed are marked: a
// lookup continues from a marked place, and ends at any other. So the build
// ends, and the table is correct, for all segments.
//
// The number of places that a lookup passes does not depend on common parts of
// segments. Every byte of a segment is part of its key, and the key of one
// longer than two words is a hash with a random seed of the table.
type hashTable struct {
	places []place // a power of two in number
	shift  uint8
	seed   maphash.Seed
}

// A place fills a cache line.
type place struct {
	head, tail uint64 // of the text, see words
	text       string
	from       *node
	to         *node
	pass       bool // a segment that belongs here or earlier was put into a later place
	_          uint64
}

// A fan is a node with its static segments.
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
	t := hashTable{make([]place, 1<<size), uint8(64 - size), maphash.MakeSeed()}
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

// put puts a segment into its place, or into the next free one.
func (t *hashTable) put(from *node, w way) {
	h := t.index(t.key(w.text), from.salt)
	for t.places[h].to != nil {
		t.places[h].pass = true
		h = (h + 1) & (len(t.places) - 1)
	}
	head, tail := words(w.text)
	t.places[h] = place{head: head, tail: tail, text: w.text, from: from, to: w.to}
}

// key returns the key of a segment.
func (t *hashTable) key(seg string) uint64 {
	switch head, tail := words(seg); {
	case len(seg) <= 8:
		return head
	case len(seg) <= 16:
		return longKey(head, tail)
	}
	return maphash.String(t.seed, seg)
}

// index returns the place of a key. The salt does not change the distances
// between the keys of a node.
func (t *hashTable) index(key, salt uint64) int { return int((key*mix + salt) >> (t.shift & 63)) }

// A salter chooses salts.
type salter struct {
	table *hashTable
	next  uint64
	turn  uint32
	tried []uint32 // for each place, the last attempt that looked at it
}

// salt returns a salt with which the segments fall on free places.
func (s *salter) salt(ways []way) (best uint64) {
	fewest := len(ways) + 1
	for range max(1, 256/len(ways)) {
		s.next += 0xD6E8FEB86659FD93 // odd, and as good as random
		s.turn++
		taken := 0
		for _, w := range ways {
			h := s.table.index(s.table.key(w.text), s.next)
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
	for h := t.index(t.key(seg), from.salt); ; h = (h + 1) & (len(t.places) - 1) {
		p := &t.places[h]
		if p.from == from && p.text == seg {
			return p.to
		}
		if !p.pass {
			return nil
		}
	}
}
