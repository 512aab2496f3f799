package pattern

// Backtracks reports whether the table is served by the tree instead of an
// automaton, and otherwise how many states the automaton has.
func Backtracks[T any](t *Table[T]) (back bool, states int) {
	seen := map[*node]bool{}
	visit := func(n *node) {
		for ; n != nil && !seen[n]; n = n.dyn {
			seen[n] = true
		}
	}
	visit(t.root)
	for _, p := range t.static.places {
		visit(p.from)
		visit(p.to)
	}
	return t.root == nil, len(seen)
}

// Passed returns how many places of the table's hash table a lookup may have to
// pass, and how many there are.
func Passed[T any](t *Table[T]) (passed, places int) {
	for _, p := range t.static.places {
		if p.pass {
			passed++
		}
	}
	return passed, len(t.static.places)
}

// Longest returns the length of the longest run of places that a lookup has to
// pass, the maximum cost of a segment.
func Longest[T any](t *Table[T]) (longest int) {
	run, places := 0, t.static.places
	for i := range 2 * len(places) { // a run may wrap around
		if run++; !places[i%len(places)].pass {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// Mounts returns the patterns of Register, and the number of steps to find
// them.
func Mounts(h *Handler) ([]string, int) { return h.mounts() }
