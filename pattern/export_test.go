package pattern

// Backtracks reports whether the table is served by the tree instead of an
// automaton, and with how many nodes.
func Backtracks[T any](t *Table[T]) (back bool, nodes int) {
	seen := map[*node]bool{}
	var visit func(*node)
	visit = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		back = back || n.back
		visit(n.dyn)
		for _, p := range n.static.places {
			visit(p.to)
		}
	}
	visit(t.root)
	return back, len(seen)
}

// Passed returns how many places of the table's hash tables a lookup may have
// to pass, and how many places there are.
func Passed[T any](t *Table[T]) (passed, places int) {
	seen := map[*node]bool{}
	var visit func(*node)
	visit = func(n *node) {
		if n == nil || seen[n] {
			return
		}
		seen[n] = true
		visit(n.dyn)
		places += len(n.static.places)
		for _, p := range n.static.places {
			if p.pass {
				passed++
			}
			visit(p.to)
		}
	}
	visit(t.root)
	return passed, places
}
