package redirect_test

import (
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/redirect"
)

// Cases without a vector: dot segments, and "?" and "#", which end the rules of the
// path.
func TestIsLocal(t *testing.T) {
	for _, test := range []struct {
		why, target string
		ok          bool
	}{
		{"backslash in the query", `/a?\\evil.test`, true},
		{"backslash in the fragment", `/a#\\evil.test`, true},
		{"slashes in the query", "/?//evil.test", true},
		{"dot segments in the query", "/?/..//evil.test", true},
		{"empty segments further down", "/a//b///c", true},
		{"up and down again", "/a/../b", true},
		{"up beyond the root", "/../../a", true},
		{"up to the root", "/a/..", true},
		{"up to the root, slash", "/a/../", true},
		{"only dots", "/.", true},
		{"dots that are a name", "/...//a", true},
		{"an escaped slash is no slash", "/..%2f/evil.test", true},
		{"the root becomes empty by .", "/.//evil.test", false},
		{"by ..", "/a/..//evil.test", false},
		{"by two", "/a/b/../..//evil.test", false},
		{"by more than there are", "/../..//evil.test", false},
		{"by escaped dots", "/%2e//evil.test", false},
		{"by half-escaped dots", "/a/.%2E//evil.test", false},
		{"by .. over an empty segment", "/a/..//../..//evil.test", false},
		{"at the end", "/.//", false},
		{"by a dot at the end", "/.//.", false},
		{"by two dots at the end", "/.//a/..", false},
		{"a host by a backslash", `/\evil.test`, false},
		{"filled again", "/a/..//../b", true},
		{"scheme in the path", "/javascript:alert(1)", true},
		{"space, then a query", "/a ?b", true},
		{"space at the end of a query", "/a?b ", false},
	} {
		if got := redirect.IsLocal(test.target); got != test.ok {
			t.Errorf("%s: IsLocal(%q) = %v", test.why, test.target, got)
		}
	}
}

func TestIsLocalAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	long := "/" + strings.Repeat("a/../", 100_000)
	if got := testing.AllocsPerRun(1, func() { redirect.IsLocal(long) }); got != 0 {
		t.Errorf("%v allocs for %d bytes", got, len(long))
	}
}
