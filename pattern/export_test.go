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
