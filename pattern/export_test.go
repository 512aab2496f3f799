package pattern

// Backtracks reports whether the table is served by the tree instead of an
// automaton, and otherwise how many states the automaton has.
func Backtracks[T any](t *Table[T]) (back bool, states int) {
	seen := map[*state]bool{}
	visit := func(s *state) {
		for ; s != nil && !seen[s]; s = s.param {
			seen[s] = true
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

// A Tree is the tree of a table, which serves paths if there is no automaton.
type Tree struct {
	root   *branch
	leaves []leaf
}

// NewTree returns the tree of patterns without conflicts.
func NewTree(patterns []string) (Tree, error) {
	sorted, err := arrange(patterns, true)
	if err != nil {
		return Tree{}, err
	}
	g := grower{leaves: make([]leaf, 0, len(sorted))}
	return Tree{g.grow(sorted, 0), g.leaves}, nil
}

// All returns the patterns in the order of the tree.
func (t Tree) All() (all []string) {
	for _, l := range t.leaves {
		all = append(all, l.text)
	}
	return all
}

// Match returns the pattern that serves a path with nothing to decode, "" if none
// does.
func (t Tree) Match(path string) string {
	l := t.root.ends()
	if path = trimSlash(path); path != "/" {
		l, _ = t.root.find(path, 1, 0)
	}
	if l == nil {
		return ""
	}
	return l.text
}
