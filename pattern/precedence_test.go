package pattern_test

import (
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/pattern"
)

// inOrder are patterns in their order of precedence, as documented at Sort: every
// kind of segment at two depths.
var inOrder = []string{
	"/",
	"/a", "/a/b", "/a/[y]", "/a/[...s]", "/a/[[...s]]",
	"/b",
	"/[x]", "/[x]/b", "/[x]/[y]", "/[x]/[...s]", "/[x]/[[...s]]",
	"/[...r]",
	"/[[...r]]",
}

// excluded are the pairs of them that conflict.
var excluded = [][2]string{
	{"/", "/[[...r]]"}, {"/[...r]", "/[[...r]]"},
	{"/a", "/a/[[...s]]"}, {"/a/[...s]", "/a/[[...s]]"},
	{"/[x]", "/[x]/[[...s]]"}, {"/[x]/[...s]", "/[x]/[[...s]]"},
}

// TestPrecedenceEverywhere: Sort, All, the conflicts, the automaton and the tree agree on
// the order of precedence, in every set of patterns. A pattern alone has no order, so
// the winner for a path is the first in the order that matches it.
func TestPrecedenceEverywhere(t *testing.T) {
	paths := []string{"/", "/a", "/b", "/x", "/a/b", "/a/x", "/b/b", "/x/b", "/x/x", "/a/b/c", "/a/x/x", "/x/b/x", "/x/x/x/x", "//", "/a//", "/x//b"}
	matches := map[string]map[string]bool{} // by path and pattern
	for _, path := range paths {
		matches[path] = map[string]bool{}
		for _, p := range inOrder {
			_, err := pattern.MustParse(p).Match(path)
			matches[path][p] = err == nil
		}
	}
	rng := rand.New(rand.NewSource(1))
	tables := 0
	for set := range 1 << len(inOrder) {
		var want []string
		for i, p := range inOrder {
			if set>>i&1 == 1 {
				want = append(want, p)
			}
		}
		given := slices.Clone(want)
		rng.Shuffle(len(given), func(i, j int) { given[i], given[j] = given[j], given[i] })
		sorted, err := pattern.Sort(given)
		found := map[string]bool{}
		for _, c := range conflicts(err) {
			found[strings.Join(slices.Sorted(slices.Values(c.Patterns)), " ")] = true
		}
		if !maps.Equal(found, conflictsIn(want)) {
			t.Fatalf("%q: the conflicts are %v, want %v", given, err, conflictsIn(want))
		}
		if err != nil {
			continue
		}
		tables++
		table := mustTable(t, given...)
		tree, err := pattern.NewTree(given)
		if err != nil {
			t.Fatal(err)
		}
		var listed []string
		for p := range table.All() {
			listed = append(listed, p.String())
		}
		for user, order := range map[string][]string{"Sort": sorted, "Table.All": listed, "the tree": tree.All()} {
			if !slices.Equal(order, want) {
				t.Fatalf("%s has the order %q, want %q", user, order, want)
			}
		}
		for _, path := range paths {
			winner := ""
			if i := slices.IndexFunc(want, func(p string) bool { return matches[path][p] }); i >= 0 {
				winner = want[i]
			}
			if m, _ := table.Match(path); m.Value != winner {
				t.Fatalf("%q: the automaton has %q for %s, want %q", given, m.Value, path, winner)
			}
			if got := tree.Match(path); got != winner {
				t.Fatalf("%q: the tree has %q for %s, want %q", given, got, path, winner)
			}
		}
	}
	t.Logf("%d tables of %d patterns, with %d paths each", tables, len(inOrder), len(paths))
}

// conflictsIn returns the pairs of a set that conflict.
func conflictsIn(patterns []string) map[string]bool {
	pairs := map[string]bool{}
	for _, pair := range excluded {
		if slices.Contains(patterns, pair[0]) && slices.Contains(patterns, pair[1]) {
			pairs[strings.Join(slices.Sorted(slices.Values(pair[:])), " ")] = true
		}
	}
	return pairs
}
