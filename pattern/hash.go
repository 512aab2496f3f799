package pattern

import (
	"hash/maphash"
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
// It cannot always be had: a node with hundreds of segments has some that meet.
// After a few attempts the best salt is taken. A segment that does not fit is
// put into one of the following places, and the places it passed are marked: a
// lookup goes on from a marked place, and ends at any other. So the build ends,
// and the table is right, whatever the segments are.
//
// How many places a lookup passes does not depend on what the segments have in
// common. Every byte of a segment is part of its key, and that of one longer
// than two words is a hash with a seed of the table's own.
type hashTable struct {
	places []place // a power of two in number
	shift  uint8
	seed   maphash.Seed
}

// A place fills a line of the processor's cache.
type place struct {
	head, tail uint64 // of the text, see words
	text       string
	from       *node
	to         *node
	pass       bool // a segment that belongs here or before was put further on
	_          uint64
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

// put puts a segment where it belongs, or into the next place that is free.
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

// index returns the place of a key. The keys of a node fall on places at a
// distance that the salt does not change.
func (t *hashTable) index(key, salt uint64) int { return int((key*mix + salt) >> (t.shift & 63)) }

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
