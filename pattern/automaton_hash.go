package pattern

import (
	"hash/maphash"
	"math/bits"
	"slices"
)

// One hash table for all states has the transitions of static segments. The
// place of a segment is the hash of its key plus a salt of the state. The salts
// are chosen while the table is filled, state by state and the largest first, so
// that the segments of a state fall on free places. In a table that is at least half
// empty nearly every attempt succeeds, and a lookup reads one place. This is a
// perfect hash by displacement.
//
// It is not always possible: a state with hundreds of segments has collisions.
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
	from       *state
	to         *state
	pass       bool // a segment that belongs here or earlier was put into a later place
	_          uint64
}

// Transitions are those of the static segments of a state.
type transitions struct {
	from *state
	all  []transition
}

type transition struct {
	text string
	to   *state
}

func newHashTable(static []transitions) hashTable {
	segments := 0
	for _, t := range static {
		segments += len(t.all)
	}
	size := max(1, bits.Len(uint(2*segments)))
	t := hashTable{make([]place, 1<<size), uint8(64 - size), maphash.MakeSeed()}
	slices.SortStableFunc(static, func(a, b transitions) int { return len(b.all) - len(a.all) })
	salts := saltSearch{table: &t, lastAttempt: make([]uint32, len(t.places))}
	for _, s := range static {
		s.from.hasStatic = true
		s.from.salt = salts.find(s.all)
		for _, one := range s.all {
			t.put(s.from, one)
		}
	}
	return t
}

// put puts a segment into its place, or into the next free one.
func (t *hashTable) put(from *state, one transition) {
	h := t.index(t.key(one.text), from.salt)
	for t.places[h].to != nil {
		t.places[h].pass = true
		h = (h + 1) & (len(t.places) - 1)
	}
	head, tail := words(one.text)
	t.places[h] = place{head: head, tail: tail, text: one.text, from: from, to: one.to}
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
// between the keys of a state.
func (t *hashTable) index(key, salt uint64) int { return int((key*mix + salt) >> (t.shift & 63)) }

// A saltSearch chooses salts.
type saltSearch struct {
	table       *hashTable
	salt        uint64 // the one tried
	attempt     uint32
	lastAttempt []uint32 // for each place, the last attempt that looked at it
}

// find returns a salt with which the segments fall on free places.
func (s *saltSearch) find(segments []transition) (best uint64) {
	fewest := len(segments) + 1
	for range max(1, 256/len(segments)) {
		s.salt += 0xD6E8FEB86659FD93 // odd, and as good as random
		s.attempt++
		taken := 0
		for _, one := range segments {
			h := s.table.index(s.table.key(one.text), s.salt)
			if s.table.places[h].to != nil || s.lastAttempt[h] == s.attempt {
				taken++
			}
			s.lastAttempt[h] = s.attempt
		}
		if taken < fewest {
			best, fewest = s.salt, taken
		}
		if taken == 0 {
			break
		}
	}
	return best
}

// find returns where a segment leads, or nil.
func (t *hashTable) find(seg string, from *state) *state {
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
