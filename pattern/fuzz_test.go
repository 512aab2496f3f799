package pattern_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/apiece/apiece/pattern"
)

// FuzzParse: a pattern that parses has a normal form that parses to itself, and
// ServeMux accepts the patterns made for it.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"/", "", "a//[b]/", "/[...a]", "/x/[[...y]]", "/[[z]]", "/[a-b]/[a.b]", "/re[view]", "/[…x]", "/{x}/ %/\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := pattern.Parse(s)
		if err != nil {
			fault, ok := err.(*pattern.SyntaxError)
			if !ok || fault.Offset < 0 || fault.Offset > len(s) || fault.Pattern != s {
				t.Fatalf("%q: %#v", s, err)
			}
			return
		}
		n := p.String()
		if !strings.HasPrefix(n, "/") || strings.Contains(n, "//") || n != "/" && strings.HasSuffix(n, "/") {
			t.Fatalf("%q has the normal form %q", s, n)
		}
		if again, err := pattern.Parse(n); err != nil || again.String() != n {
			t.Fatalf("%q parses to %q, %v", n, again, err)
		}
		if _, ok := p.Overlap(p); !ok {
			t.Fatalf("%q does not overlap with itself", s)
		}
		if patterns, err := p.ServeMux(); err == nil {
			mux := http.NewServeMux()
			for _, m := range patterns {
				mux.Handle(m, http.NotFoundHandler())
			}
		}
	})
}

// FuzzMatch: a table agrees with the reference for all patterns and paths.
func FuzzMatch(f *testing.F) {
	f.Add("/a/[b]\n/[c]/d\n/[...e]", "/a/d")
	f.Add("/x/[[...y]]\n/[z]", "/x//%2F/")
	f.Add("/[a]/[b]/12345678\n/[a]/[b]/123456789", "/q/%7f/123456789")
	f.Add("/é/%41", "/%C3%A9/%2541")
	f.Fuzz(func(t *testing.T, list, path string) {
		if len(list) > 500 || len(path) > 500 {
			return
		}
		routes := map[string]string{}
		var patterns []string
		for s := range strings.SplitSeq(list, "\n") {
			p, err := pattern.Parse(s)
			if err != nil {
				return
			}
			routes[p.String()] = p.String()
			patterns = append(patterns, p.String())
		}
		table, err := pattern.NewTable(routes)
		if err != nil {
			return
		}
		if err := compareWithReference(table, patterns, path); err != nil {
			t.Fatalf("%q: %v", patterns, err)
		}
	})
}

// FuzzBuild: a built path matches and gives the values back; and a path in the
// form of Build is built from its own values again.
func FuzzBuild(f *testing.F) {
	f.Add("/a/[b]/[...c]", "x", "y/z\n%2F\n?")
	f.Add("/[[...c]]", "", "")
	f.Add("/s p/é/[b]", "..", ".")
	f.Fuzz(func(t *testing.T, s, one, many string) {
		p, err := pattern.Parse(s)
		if err != nil {
			return
		}
		params := map[string][]string{}
		for _, seg := range pieces(p.String()) {
			switch rank(seg) {
			case 1:
				params[name(seg)] = []string{one}
			case 2, 3:
				if params[name(seg)] = strings.Split(many, "\n"); many == "" {
					params[name(seg)] = nil
				}
			}
		}
		legal := func(v string) bool { return v != "" && v != "." && v != ".." && utf8.ValidString(v) }
		path, err := p.Build(params)
		if err != nil {
			for _, values := range params {
				if len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return !legal(v) }) {
					return
				}
			}
			t.Fatalf("Build refuses %q: %v", params, err)
		}
		got, err := p.Match(path)
		if err != nil {
			t.Fatalf("%s does not match %q: %v", p, path, err)
		}
		back := map[string][]string{}
		for name, values := range got.All() {
			back[name] = values
			if !slices.Equal(values, params[name]) {
				t.Fatalf("%s gives %q for %s, want %q", path, values, name, params[name])
			}
		}
		if again, err := p.Build(back); err != nil || again != path {
			t.Fatalf("Build(Match(%q)) is %q, %v", path, again, err)
		}
	})
}
