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
// The automaton follows both at once. One of its states stands for all branches
// that a path may still be on, best first, and the next segment leads from each
// state to exactly one other. This is the subset construction, which makes a
// deterministic automaton of a nondeterministic one. It takes one lookup per
// segment for every path.
//
// A list ends at its first catch-all, which matches anything that follows. The
// cost of the construction is states. Sets of routes from real services need as
// many as the tree has branches, but k routes of k segments, each with its
// static segment in a different position, need 2^k. So there is a limit, and a
// set that exceeds it is served by the tree with backtracking: at most one
// visit to each of its branches.

// stateLimit is the maximum number of states of an automaton.
func stateLimit(branches int) int { return 8*branches + 1024 }

// A claim is a branch that a path may be on, or a catch-all in progress.
type claim struct {
	branch *branch
	sink   *leaf
}

type determinizer struct {
	slots         map[string]**node // by their claims, of those with more than one
	fans          []fan
	states, limit int
}

// automaton returns the first state and the hash table of the automaton for a
// tree, or no state above the limit.
func automaton(tree *branch, branches int) (*node, hashTable) {
	d := determinizer{slots: map[string]**node{}, limit: stateLimit(branches)}
	n := d.state([]claim{{branch: tree}})
	if d.states > d.limit {
		return nil, hashTable{}
	}
	return n, newHashTable(d.fans)
}

// state returns the state for a list of claims.
func (d *determinizer) state(claims []claim) *node {
	slot := d.slot(claims)
	if *slot != nil {
		return *slot
	}
	n := new(node)
	*slot = n
	d.states++
	for _, c := range claims {
		n.end = first(n.end, c.ends())
		n.void = first(n.void, c.catchAll())
	}
	others := advance(claims, "", false)
	if len(others) > 0 {
		if n.sink = others[0].sink; n.sink == nil {
			n.dyn = d.state(others)
		}
	}
	var ways []way
	for _, text := range texts(claims) {
		if d.states > d.limit {
			return n
		}
		ways = append(ways, way{text, d.state(advance(claims, text, true))})
	}
	if ways != nil {
		d.fans = append(d.fans, fan{n, ways})
	}
	return n
}

func first(a, b *leaf) *leaf {
	if a != nil {
		return a
	}
	return b
}

func (c claim) ends() *leaf {
	if c.branch == nil {
		return c.sink
	}
	return c.branch.ends()
}

func (c claim) catchAll() *leaf {
	if c.branch == nil {
		return c.sink
	}
	return c.branch.catchAll()
}

// advance returns the claims after a segment: one with this text, or one that
// is not a static segment of any claim.
func advance(claims []claim, text string, known bool) (next []claim) {
	for _, c := range claims {
		if c.branch == nil {
			return append(next, c)
		}
		if known {
			if to := c.branch.child(text); to != nil {
				next = append(next, claim{branch: to})
			}
		}
		if c.branch.single != nil {
			next = append(next, claim{branch: c.branch.single})
		}
		if l := c.branch.catchAll(); l != nil {
			return append(next, claim{sink: l})
		}
	}
	return next
}

// texts returns the static segments of all claims.
func texts(claims []claim) (all []string) {
	for _, c := range claims {
		if c.branch == nil {
			break
		}
		for _, e := range c.branch.static {
			all = append(all, e.text)
		}
	}
	if len(claims) > 1 {
		slices.Sort(all)
		all = slices.Compact(all)
	}
	return all
}

// slot returns where the state of a list of claims is kept.
func (d *determinizer) slot(claims []claim) **node {
	if len(claims) == 1 { // as most are: needs no key
		if b := claims[0].branch; b != nil {
			return &b.state
		}
		return &claims[0].sink.state
	}
	key := make([]byte, 0, 5*len(claims))
	for _, c := range claims {
		if c.branch != nil {
			key = binary.AppendUvarint(key, uint64(c.branch.id)<<1)
		} else {
			key = binary.AppendUvarint(key, uint64(c.sink.index)<<1|1)
		}
	}
	slot := d.slots[string(key)]
	if slot == nil {
		slot = new(*node)
		d.slots[string(key)] = slot
	}
	return slot
}
