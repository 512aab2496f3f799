package pattern_test

import (
	"fmt"
	"math/rand"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apiece/apiece/pattern"
)

// The reference matches one pattern after the other, segment by segment, and
// takes the best match. It shares no code with the package.

// rank says how a segment of a pattern ranks: text, then [x], [...x], [[...x]].
func rank(seg string) int {
	switch {
	case strings.HasPrefix(seg, "[[...") && strings.HasSuffix(seg, "]]"):
		return 3
	case strings.HasPrefix(seg, "[...") && strings.HasSuffix(seg, "]"):
		return 2
	case strings.HasPrefix(seg, "[") && strings.HasSuffix(seg, "]") && len(seg) > 1:
		return 1
	}
	return 0
}

func name(seg string) string {
	r := rank(seg)
	return seg[[]int{0, 1, 4, 5}[r] : len(seg)-[]int{0, 1, 1, 2}[r]]
}

func pieces(path string) []string {
	if path == "/" {
		return nil
	}
	return strings.Split(path[1:], "/")
}

func decoded(s string) (string, bool) {
	v, err := url.PathUnescape(s)
	return v, err == nil && utf8.ValidString(v)
}

// refMatch returns the raw segments of each parameter, and the rank of the
// pattern at each segment of the path.
func refMatch(pat, path string) (taken map[string][]string, ranks []int, ok bool) {
	if !strings.HasPrefix(path, "/") {
		return nil, nil, false
	}
	if path != "/" {
		path = strings.TrimSuffix(path, "/")
	}
	segs, have := pieces(pat), pieces(path)
	taken = map[string][]string{}
	for len(segs) > 0 {
		r := rank(segs[0])
		ranks = append(ranks, r)
		switch {
		case r == 3 && len(have) == 0:
			return taken, ranks, true
		case len(have) == 0:
			return nil, nil, false
		case r >= 2:
			taken[name(segs[0])] = have
			return taken, ranks, true
		case r == 1 && have[0] == "":
			return nil, nil, false
		case r == 1:
			taken[name(segs[0])] = have[:1]
		case r == 0:
			if v, ok := decoded(have[0]); !ok || v != segs[0] {
				return nil, nil, false
			}
		}
		segs, have = segs[1:], have[1:]
	}
	return taken, ranks, len(have) == 0
}

// refTable returns the best pattern, or "", and the decoded values; bad if one
// cannot be decoded.
func refTable(patterns []string, path string) (best string, values map[string][]string, bad bool) {
	var bestRanks []int
	for _, p := range patterns {
		taken, ranks, ok := refMatch(p, path)
		if !ok || best != "" && slices.Compare(ranks, bestRanks) >= 0 {
			continue
		}
		best, bestRanks, values, bad = p, ranks, map[string][]string{}, false
		for k, raw := range taken {
			for _, r := range raw {
				v, ok := decoded(r)
				bad = bad || !ok
				values[k] = append(values[k], v)
			}
		}
	}
	return best, values, bad
}

// compareWithReference compares a table with the reference.
func compareWithReference(table *pattern.Table[string], patterns []string, path string) error {
	best, values, bad := refTable(patterns, path)
	m, err := table.Match(path)
	switch {
	case best == "":
		if err != pattern.ErrNoMatch {
			return fmt.Errorf("%q: got %q, %v, want no match", path, m.Value, err)
		}
		return nil
	case bad:
		if _, ok := err.(*pattern.DecodeError); !ok {
			return fmt.Errorf("%q: got %q, %v, want a DecodeError of %s", path, m.Value, err, best)
		}
		return nil
	case err != nil || m.Value != best || m.Pattern.String() != best:
		return fmt.Errorf("%q: got %q, %v, want %s", path, m.Value, err, best)
	}
	if err := sameParams(m.Params, values); err != nil {
		return fmt.Errorf("%q: %s: %v", path, best, err)
	}
	alone, err := m.Pattern.Match(path)
	if err != nil {
		return fmt.Errorf("%q: %s alone: %v", path, best, err)
	}
	return sameParams(alone, values)
}

func sameParams(got pattern.Params, want map[string][]string) error {
	n := 0
	for name, values := range got.All() {
		one, ok := got.Lookup(name)
		if !slices.Equal(values, want[name]) || !slices.Equal(one, values) || !ok || got.Get(name) != strings.Join(values, "/") {
			return fmt.Errorf("parameter %s: All %q, Lookup %q, Get %q, want %q", name, values, one, got.Get(name), want[name])
		}
		n++
	}
	if n != len(want) {
		return fmt.Errorf("%d parameters, want %v", n, want)
	}
	return nil
}

// Segments of every length around a word of eight bytes, with common beginnings
// and ends, and everything that an encoded path may hold.
var words = []string{
	"a", "b", "ab", "abcdefg", "abcdefgh", "abcdefgi", "abcdefghi", "abcdefgha", "xbcdefghijklmno", "abcdefghijklmno",
	"abcdefghijklmnop", "abcdefghXjklmnop", "abcdefghijklmnopq", "abcdefgh-one-ijklmnop", "abcdefgh-two-ijklmnop", "abcdefgh-three-ijklmnop", "é", ".", "..",
}

var encodedWords = []string{"", "%61", "a%2Fb", "%zz", "%ff", "%", "%C3%A9", "%2e%2E", "\xff", "ab%63defgh"}

// TestTableAgainstReference compares tables with the reference, on the automaton and on
// the tree that replaces it.
func TestTableAgainstReference(t *testing.T) {
	rng := rand.New(rand.NewSource(1))
	diagonal := diagonalRoutes("/diagonal", 13)
	tables, checks, hits, backtracking := 0, 0, 0, 0
	for tables < 1500 {
		patterns := randomPatterns(rng)
		if tables%10 == 0 { // makes the automaton exceed its limit
			patterns = append(patterns, diagonal...)
		}
		routes := map[string]string{}
		for _, p := range patterns {
			routes[p] = p
		}
		table, err := pattern.NewTable(routes)
		if err != nil {
			continue // a conflict; others are for TestTableConflicts
		}
		back, _ := pattern.Backtracks(table)
		if back != (tables%10 == 0) {
			t.Fatalf("backtracks: %t", back)
		}
		if back {
			backtracking++
		}
		tables++
		for range 60 {
			path := randomPath(rng, patterns)
			if best, _, _ := refTable(patterns, path); best != "" {
				hits++
			}
			if err := compareWithReference(table, patterns, path); err != nil {
				t.Fatalf("%q: %v", patterns, err)
			}
			checks++
		}
	}
	t.Logf("%d answers, %d of them matches, of %d tables, %d of them without an automaton", checks, hits, tables, backtracking)
}

func randomPatterns(rng *rand.Rand) (patterns []string) {
	for range 1 + rng.Intn(12) {
		p := ""
		for depth := range 1 + rng.Intn(5) {
			switch rng.Intn(10) {
			default:
				p += "/" + words[rng.Intn(len(words))]
			case 6, 7, 8:
				p += fmt.Sprintf("/[p%d]", depth)
			}
		}
		switch rng.Intn(6) {
		case 0:
			p += "/[...r]"
		case 1:
			p += "/[[...r]]"
		}
		if p == "" {
			p = "/"
		}
		patterns = append(patterns, p)
	}
	slices.Sort(patterns)
	return slices.Compact(patterns)
}

// randomPath returns a path of random segments, or one that a pattern matches,
// sometimes with a segment replaced.
func randomPath(rng *rand.Rand, patterns []string) string {
	var segs []string
	if rng.Intn(2) == 0 {
		for _, seg := range pieces(patterns[rng.Intn(len(patterns))]) {
			switch rank(seg) {
			case 0:
				segs = append(segs, seg)
			case 1:
				segs = append(segs, words[rng.Intn(len(words))])
			default:
				for range rng.Intn(4) {
					segs = append(segs, words[rng.Intn(len(words))])
				}
			}
		}
	} else {
		for range rng.Intn(7) {
			segs = append(segs, words[rng.Intn(len(words))])
		}
	}
	if len(segs) > 0 && rng.Intn(4) == 0 {
		segs[rng.Intn(len(segs))] = encodedWords[rng.Intn(len(encodedWords))]
	}
	path := "/" + strings.Join(segs, "/")
	if rng.Intn(4) == 0 {
		path += "/"
	}
	return path
}

// diagonalRoutes returns k routes of k segments, each with one static segment
// in a different position: 2^k sets of them may be left after k segments.
func diagonalRoutes(prefix string, k int) (routes []string) {
	for i := range k {
		p := prefix
		for j := range k {
			if i == j {
				p += "/s"
			} else {
				p += fmt.Sprintf("/[p%d]", j)
			}
		}
		routes = append(routes, p)
	}
	return routes
}
