package pattern_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/pattern"
)

// TestTableMissCost: segments of a node with common parts collide in the hash table
// no more often than others. The longest run of places that a lookup may pass
// limits the worst case for a client's path, and the marked places the average.
func TestTableMissCost(t *testing.T) {
	n := 40_000
	if testkit.Race {
		n = 4000
	}
	printable := "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~!$&'()*+,;=:@"
	pair := func(i int) (byte, byte) {
		return printable[i%len(printable)], printable[i/len(printable)%len(printable)]
	}
	for name, segment := range map[string]func(i int) string{
		"8 bytes, numbers":             func(i int) string { return fmt.Sprintf("%08d", i) },
		"8 bytes, numbers in the head": func(i int) string { return fmt.Sprintf("%05dabc", i) },
		"8 bytes, the last two":        func(i int) string { a, b := pair(i); return "aaaaaa" + string([]byte{a, b}) },
		"up to 8 bytes":                func(i int) string { return fmt.Sprintf("u%d", i) },
		"3 letters":                    func(i int) string { return string([]byte{byte('a' + i%26), byte('a' + i/26%26), byte('a' + i/676%26)}) },
		"thousands":                    func(i int) string { return fmt.Sprint(i * 1000) },
		"resources":                    func(i int) string { return fmt.Sprintf("resource%d", i) },
		"16 bytes, one in each word":   func(i int) string { a, b := pair(i); return "aaaaaaa" + string(a) + "aaaaaaa" + string(b) },
		"16 bytes, the first in each":  func(i int) string { a, b := pair(i); return string(a) + "aaaaaaa" + string(b) + "aaaaaaa" },
		"16 bytes, the last two":       func(i int) string { a, b := pair(i); return "aaaaaaaaaaaaaa" + string([]byte{a, b}) },
		"16 bytes, numbers":            func(i int) string { return fmt.Sprintf("%08d%08d", i, n-i) },
		"12 bytes, numbers":            func(i int) string { return fmt.Sprintf("%06d%06d", i, i) },
		"first, middle and last equal": func(i int) string { return fmt.Sprintf("aaaaaaaa%08dmmmmmmmm%08dzzzzzzzz", i, n-i) },
		"first and last equal":         func(i int) string { return fmt.Sprintf("aaaaaaaa%08dzzzzzzzz", i) },
		"17 bytes":                     func(i int) string { return fmt.Sprintf("aaaaaaaaaaaa%05d", i) },
		"a kilobyte":                   func(i int) string { return strings.Repeat("a", 200) + fmt.Sprint(i) + strings.Repeat("a", 800) },
	} {
		routes := map[string]int{}
		for i := range n {
			routes["/"+segment(i)] = i
		}
		table, err := pattern.NewTable(routes)
		if err != nil {
			t.Fatal(err)
		}
		passed, places := pattern.Passed(table)
		longest := pattern.Longest(table)
		t.Logf("%s: %d routes, %d of %d places are passed, at most %d at once", name, len(routes), passed, places, longest)
		if longest > 100 || passed > places/4 {
			t.Errorf("%s: %d of %d places are passed, %d at once", name, passed, places, longest)
		}
		for p, i := range routes {
			if m, err := table.Match(p); err != nil || m.Value != i {
				t.Fatalf("%s: %q gives %d, %v", name, p, m.Value, err)
			}
			if i%100 == 0 {
				if _, err := table.Match(p + "\x00"); err != pattern.ErrNoMatch {
					t.Fatalf("%s: %q and a byte: %v", name, p, err)
				}
			}
		}
	}
}

// TestRegisterCost: the cost of Register grows linearly with the routes.
func TestRegisterCost(t *testing.T) {
	for name, route := range map[string]string{"static": "/page%d/x", "subtrees": "/page%d/[id]", "one subtree": "/api/[v]/page%d"} {
		for _, n := range []int{1000, 10_000} {
			routes := map[string]http.Handler{}
			for i := range n {
				routes[fmt.Sprintf(route, i)] = http.NotFoundHandler()
			}
			h, err := pattern.NewHandler(routes, pattern.HandlerConfig{})
			if err != nil {
				t.Fatal(err)
			}
			mounts, steps := pattern.Mounts(h)
			if steps > 3*n {
				t.Errorf("%s: %d steps for %d routes", name, steps, n)
			}
			if want := 2 * n; name != "one subtree" && len(mounts) != want {
				t.Errorf("%s: %d patterns, want %d", name, len(mounts), want)
			}
		}
	}
}
