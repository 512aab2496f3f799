package pattern_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
)

func mustTable(t testing.TB, patterns ...string) *pattern.Table[string] {
	t.Helper()
	routes := map[string]string{}
	for _, p := range patterns {
		routes[p] = p
	}
	table, err := pattern.NewTable(routes)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// conflicts returns the conflicts of a joined error.
func conflicts(err error) (all []*pattern.ConflictError) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			var c *pattern.ConflictError
			if errors.As(e, &c) {
				all = append(all, c)
			}
		}
	}
	return all
}

func TestTableConflicts(t *testing.T) {
	patterns := []string{
		"/ok/[x]",
		"/b/[...x]/y",
		"/c/[.x]",
		"/d/[a]/1", "/d/[b]/2", "/d/[c]",
		"/e/[...x]", "/e/[[...x]]",
		"/f", "/f/[[...x]]",
		"/g/", "g",
		"/h/[]",
		"/i/[n]/[n]",
	}
	_, err := pattern.NewTable(map[string]int{
		patterns[0]: 0, patterns[1]: 0, patterns[2]: 0, patterns[3]: 0, patterns[4]: 0, patterns[5]: 0, patterns[6]: 0,
		patterns[7]: 0, patterns[8]: 0, patterns[9]: 0, patterns[10]: 0, patterns[11]: 0, patterns[12]: 0, patterns[13]: 0,
	})
	type key struct{ category, patterns, path string }
	var got []key
	for _, c := range conflicts(err) {
		slices.Sort(c.Patterns)
		got = append(got, key{c.Category, strings.Join(c.Patterns, " "), c.Path})
		for _, p := range c.Patterns {
			if !strings.Contains(c.Error(), p) {
				t.Errorf("%q does not name %s", c, p)
			}
		}
		var fault *pattern.SyntaxError
		if single := len(c.Patterns) == 1; single != errors.As(c, &fault) {
			t.Errorf("%v: a SyntaxError: %t", c, !single)
		}
	}
	want := []key{
		{"catch-all-not-last", "/b/[...x]/y", ""},
		{"erroneous-period", "/c/[.x]", ""},
		{"different-slug-names", "/d/[a]/1 /d/[b]/2", ""},
		{"different-slug-names", "/d/[a]/1 /d/[c]", ""},
		{"required-and-optional-catch-all", "/e/[...x] /e/[[...x]]", "/e/x"},
		{"empty-name", "/h/[]", ""},
		{"repeated-slug-name", "/i/[n]/[n]", ""},
		{"optional-catch-all-specificity-conflict", "/f /f/[[...x]]", "/f"},
		{"duplicate-route", "/g/ g", "/g"},
	}
	if !slices.Equal(got, want) {
		t.Errorf("conflicts:\n%q\nwant\n%q", got, want)
	}

	_, err = pattern.NewTable(map[string]int{"/[a]": 0, "/[b]": 0, "/x/[...a]": 0, "/x/[...b]": 0})
	for _, c := range conflicts(err) {
		if c.Category != "different-slug-names" {
			t.Errorf("two names for one position are called %s", c.Category)
		}
	}
	if n := len(conflicts(err)); n != 2 {
		t.Errorf("%d conflicts: %v", n, err)
	}

	// Next.js merges the duplicates; an empty name is no error there either.
	if order, err := pattern.Sort([]string{"/g/", "g", "/h/[]"}); err != nil || !slices.Equal(order, []string{"/g", "/h/[]"}) {
		t.Errorf("Sort: %q, %v", order, err)
	}
	if _, err := pattern.NewHandler(map[string]http.Handler{"/a": http.NotFoundHandler(), "/a/": nil}, pattern.HandlerConfig{TrailingSlash: 9}); err == nil ||
		!strings.Contains(err.Error(), "same route") || !strings.Contains(err.Error(), "nil") || !strings.Contains(err.Error(), "TrailingSlash") {
		t.Errorf("NewHandler does not report everything at once: %v", err)
	}
}

func TestTableEmpty(t *testing.T) {
	table := mustTable(t)
	for _, path := range []string{"", "/", "/a", "a", "/%zz"} {
		if m, err := table.Match(path); err != pattern.ErrNoMatch {
			t.Errorf("%q: %v, %v", path, m, err)
		}
	}
}

// TestTableSegmentLengths compares segments of all lengths around the size of a word, with
// equal or similar keys.
func TestTableSegmentLengths(t *testing.T) {
	const long = "abcdefghijklmnopqrstuvwxyz-abcdefghijklmnopqrstuvwxyz"
	var patterns []string
	for n := 1; n <= 40; n++ {
		for _, tail := range []string{"", "/x", "/[p]/y"} {
			patterns = append(patterns, "/"+long[:n]+tail, "/"+long[1:n]+"\x00"+tail)
		}
	}
	table := mustTable(t, patterns...)
	for _, p := range patterns {
		path := strings.ReplaceAll(p, "[p]", "value")
		if m, err := table.Match(path); err != nil || m.Value != p {
			t.Errorf("%q: %q, %v", path, m.Value, err)
		}
		for _, other := range []string{strings.Replace(path, "/a", "/A", 1), path + "\x00", path + "x/y"} {
			want, _, _ := refTable(patterns, other)
			if m, _ := table.Match(other); m.Value != want {
				t.Errorf("%q: %q, want %q", other, m.Value, want)
			}
		}
	}
}

// TestTableSimilarSegments has many segments with the same key: the build must end, and the
// table must be correct.
func TestTableSimilarSegments(t *testing.T) {
	var patterns []string
	for i := range 200 { // they differ only outside of the key
		patterns = append(patterns, fmt.Sprintf("/same-head-%03d-%s-same-tail", i, strings.Repeat("=", 30)))
	}
	table := mustTable(t, patterns...)
	passed, places := pattern.Passed(table)
	t.Logf("%d of %d places are passed", passed, places)
	for _, p := range patterns {
		if m, err := table.Match(p); err != nil || m.Value != p {
			t.Errorf("%s: %s, %v", p, m.Value, err)
		}
	}
	if _, err := table.Match(strings.Replace(patterns[0], "000", "xyz", 1)); err != pattern.ErrNoMatch {
		t.Error(err)
	}
}

// TestTablePerfectHash: in a usual set of routes almost every segment is in its
// place.
func TestTablePerfectHash(t *testing.T) {
	var patterns []string
	for i := range 40 {
		base := fmt.Sprintf("/api/v1/resource%d", i)
		patterns = append(patterns, base, base+"/[id]", base+"/[id]/history", base+"/[id]/history/[version]", base+"/search")
	}
	passed, places := pattern.Passed(mustTable(t, patterns...))
	t.Logf("%d of %d places are passed", passed, places)
	if passed > places/100 {
		t.Errorf("%d of %d places are passed", passed, places)
	}
}

// TestTableAutomatonStates: the automaton never backtracks, unlike the tree, and stays
// within its limit.
func TestTableAutomatonStates(t *testing.T) {
	var crossing []string
	for m := range 1 << 8 {
		p := ""
		for i := range 8 {
			if m>>i&1 == 0 {
				p += "/a"
			} else {
				p += fmt.Sprintf("/[p%d]", i)
			}
		}
		crossing = append(crossing, p+"/end")
	}
	for _, c := range []struct {
		name     string
		patterns []string
		back     bool
		most     int // nodes
	}{
		{"crossing", crossing, false, 1024},
		{"a small diagonal", diagonalRoutes("", 8), false, 1024},
		{"a large diagonal", diagonalRoutes("", 18), true, 400},
	} {
		table := mustTable(t, c.patterns...)
		back, nodes := pattern.Backtracks(table)
		t.Logf("%s: %d routes, %d nodes, backtracking %t", c.name, len(c.patterns), nodes, back)
		if back != c.back || nodes > c.most {
			t.Errorf("%s: %d nodes, backtracking %t", c.name, nodes, back)
		}
		for _, p := range c.patterns {
			path := strings.NewReplacer("[", "", "]", "").Replace(p)
			want, _, _ := refTable(c.patterns, path)
			if m, err := table.Match(path); err != nil || m.Value != want {
				t.Errorf("%s: %s, %v, want %s", path, m.Value, err, want)
			}
		}
	}
}

// TestTableLongPaths: neither the length of a path nor the number of its segments is
// limited.
func TestTableLongPaths(t *testing.T) {
	var deep strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&deep, "/[p%d]", i)
	}
	table := mustTable(t, "/[p0]/x/[...rest]", "/[p0]/[p1]/c", deep.String())
	segment := strings.Repeat("s", 64<<10)
	m, err := table.Match("/" + segment + "/" + segment + "/c")
	if err != nil || m.Params.Get("p0") != segment || m.Params.Get("p1") != segment {
		t.Errorf("segments of 64 KiB: %v", err)
	}
	m, err = table.Match("/a/x" + strings.Repeat("/seg", 10_000))
	if rest, _ := m.Params.Lookup("rest"); err != nil || len(rest) != 10_000 {
		t.Errorf("10,000 segments: %d, %v", len(rest), err)
	}
	m, err = table.Match(strings.Repeat("/v", 10_000))
	n := 0
	for range m.Params.All() {
		n++
	}
	if err != nil || n != 10_000 || m.Params.Get("p9999") != "v" {
		t.Errorf("10,000 parameters: %d, %v", n, err)
	}
	if _, err := table.Match(strings.Repeat("/%76", 10_001)); err != pattern.ErrNoMatch {
		t.Errorf("10,001 segments: %v", err)
	}
}

func TestTableMatchAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	table := mustTable(t, "/", "/a", "/a/[b]", "/a/[b]/c/[d]/e/[f]", "/files/[...path]", "/docs/[[...path]]", "/averyverylongsegment/[x]")
	one := pattern.MustParse("/a/[b]/c/[d]")
	for _, path := range []string{
		"/", "/a", "/a/", "/a/x", "/a/x/c/y/e/z", "/files/1/2/3/", "/docs", "/docs/1", "/averyverylongsegment/é", "/a/nope/nope", "/" + strings.Repeat("x/", 5000),
	} {
		n := testing.AllocsPerRun(100, func() {
			m, err := table.Match(path)
			if err == nil {
				sink += len(m.Params.Get("b")) + len(m.Params.Get("f")) + len(m.Params.Get("path"))
			}
			p, _ := one.Match(path)
			sink += len(p.Get("d"))
		})
		if n != 0 {
			t.Errorf("%.40s: %.0f allocations", path, n)
		}
	}
}

// TestNewTableAllocations: the cost of making a table grows linearly with the
// routes.
func TestNewTableAllocations(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{100, 1000, 10_000} {
		routes := make(map[string]int, n)
		for i := range n {
			routes[fmt.Sprintf("/api/v%d/things%d/[id]/parts%d", i%10, i, i%7)] = i
		}
		allocs := testing.AllocsPerRun(1, func() {
			if _, err := pattern.NewTable(routes); err != nil {
				t.Fatal(err)
			}
		})
		if allocs > float64(20*n) {
			t.Errorf("%d routes: %.1f allocations each, want 20 at most", n, allocs/float64(n))
		}
		t.Logf("%d routes: %.1f allocations each", n, allocs/float64(n))
	}
}

var sink int

func TestTableConcurrentUse(t *testing.T) {
	table := mustTable(t, "/a/[b]", "/a/[b]/c", "/[...rest]")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 500 {
				path := fmt.Sprintf("/a/%d-%d", i, j)
				if m, err := table.Match(path); err != nil || m.Params.Get("b") != path[3:] {
					t.Errorf("%s: %v", path, err)
				}
			}
		})
	}
	wg.Wait()
}
