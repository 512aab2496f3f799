package pattern

import (
	"encoding/binary"
	"slices"
)

// The tree of patterns is ambiguous: of /a/[x]/c and /[y]/b/d, the path /a/b/d
// follows the first until its last segment and must then backtrack to the
// second. In the worst case, with a static and a dynamic edge at every level,
// backtracking visits every node of the tree, and the client chooses the path.
//
// The automaton follows both at once. One of its states stands for all
// positions in the tree that a path may still have, best first, and the next
// segment leads from each state to exactly one other. This is the subset
// construction, which makes a deterministic automaton of a nondeterministic one.
// It takes one lookup per segment for every path.
//
// A list ends at its first catch-all, which matches anything that follows. The
// cost of the construction is states. Sets of routes from real services need as
// many as the tree has branches, but k routes of k segments, each with its
// static segment in a different position, need 2^k. So there is a limit, and a
// set that exceeds it is served by the tree with backtracking: at most one
// visit to each of its branches.

// stateLimit is the maximum number of states of an automaton.
func stateLimit(branches int) int { return 8*branches + 1024 }

// A position is where a path may be in the tree: at a branch, or in a catch-all.
type position struct {
	branch   *branch
	catchAll *leaf
}

// A determinizer makes the states of the automaton.
type determinizer struct {
	slots         map[string]**state // by their positions, of those with more than one
	static        []transitions
	states, limit int
}

// automaton returns the first state and the hash table of the automaton for a
// tree, or no state above the limit.
func automaton(tree *branch, branches int) (*state, hashTable) {
	d := determinizer{slots: map[string]**state{}, limit: stateLimit(branches)}
	root := d.state([]position{{branch: tree}})
	if d.states > d.limit {
		return nil, hashTable{}
	}
	return root, newHashTable(d.static)
}

// state returns the state for a list of positions.
func (d *determinizer) state(positions []position) *state {
	slot := d.slot(positions)
	if *slot != nil {
		return *slot
	}
	s := new(state)
	*slot = s
	d.states++
	for _, p := range positions {
		s.end = first(s.end, p.ends())
		s.emptySegment = first(s.emptySegment, p.takesRest())
	}
	others := advance(positions, "", false)
	if len(others) > 0 {
		if s.catchAll = others[0].catchAll; s.catchAll == nil {
			s.param = d.state(others)
		}
	}
	var to []transition
	for _, text := range texts(positions) {
		if d.states > d.limit {
			return s
		}
		to = append(to, transition{text, d.state(advance(positions, text, true))})
	}
	if to != nil {
		d.static = append(d.static, transitions{s, to})
	}
	return s
}

func first(a, b *leaf) *leaf {
	if a != nil {
		return a
	}
	return b
}

// ends returns the route of a path that ends at the position.
func (p position) ends() *leaf {
	if p.branch == nil {
		return p.catchAll
	}
	return p.branch.ends()
}

// takesRest returns the catch-all that takes the rest of a path.
func (p position) takesRest() *leaf {
	if p.branch == nil {
		return p.catchAll
	}
	return p.branch.catchAll()
}

// advance returns the positions after a segment, best first: after one with
// this text, or if it is not known, after one that no position has as a static
// segment.
func advance(positions []position, text string, known bool) (next []position) {
	for _, p := range positions {
		if p.branch == nil {
			return append(next, p)
		}
		for left := p.branch.kinds; left != 0; left = left.withoutFirst() {
			switch left.first() {
			case static:
				if !known {
					continue
				}
				if to := p.branch.child(text); to != nil {
					next = append(next, position{branch: to})
				}
			case single:
				next = append(next, position{branch: p.branch.single})
			case rest:
				return append(next, position{catchAll: p.branch.rest})
			case optional:
				return append(next, position{catchAll: p.branch.optional})
			}
		}
	}
	return next
}

// texts returns the static segments of all positions.
func texts(positions []position) (all []string) {
	for _, p := range positions {
		if p.branch == nil {
			break
		}
		for _, e := range p.branch.static {
			all = append(all, e.text)
		}
	}
	if len(positions) > 1 {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

// slot returns where the state of a list of positions is kept.
func (d *determinizer) slot(positions []position) **state {
	if len(positions) == 1 { // as most are: needs no key
		if b := positions[0].branch; b != nil {
			return &b.state
		}
		return &positions[0].catchAll.state
	}
	key := make([]byte, 0, 5*len(positions))
	for _, p := range positions {
		if p.branch != nil {
			key = binary.AppendUvarint(key, uint64(p.branch.id)<<1)
		} else {
			key = binary.AppendUvarint(key, uint64(p.catchAll.index)<<1|1)
		}
	}
	slot := d.slots[string(key)]
	if slot == nil {
		slot = new(*state)
		d.slots[string(key)] = slot
	}
	return slot
}
