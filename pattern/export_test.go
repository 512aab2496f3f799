package pattern

// Backtracks reports whether the table is served by the tree instead of an
// automaton, or else how many states the automaton has.
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

// Passed returns how many places of the table's hash table a lookup may have
// to pass, and how many there are.
func Passed[T any](t *Table[T]) (passed, places int) {
	for _, p := range t.static.places {
		if p.pass {
			passed++
		}
	}
	return passed, len(t.static.places)
}

// Longest returns the length of the longest run of places that a lookup has to
// pass, which is the most that any segment can cost.
func Longest[T any](t *Table[T]) (longest int) {
	run, places := 0, t.static.places
	for i := range 2 * len(places) { // a run may go round
		if run++; !places[i%len(places)].pass {
			run = 0
		}
		longest = max(longest, run)
	}
	return longest
}

// Mounts returns what Register registers, and in how many steps it was found.
func Mounts(h *Handler) ([]string, int) { return h.mounts() }
