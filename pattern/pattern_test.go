package pattern_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/apiece/apiece/pattern"
)

func TestParse(t *testing.T) {
	for _, c := range []struct{ in, want, why string }{
		{"/a/[b]", "/a/[b]", "already normal"},
		{"a//b/", "/a/b", "slashes are normalised, as in Next"},
		{"", "/", "the root"},
		{"//", "/", "the root"},
		{"/%41", "/%41", "pattern text is not decoded"},
		{"/re[view]", "/re[view]", "only a whole segment in brackets is a parameter"},
		{"/[a]b", "/[a]b", "static"},
		{"/[", "/[", "one bracket is static"},
		{"/[[...a]]", "/[[...a]]", "optional catch-all"},
		{"/[a b]/[…", "/[a b]/[…", "names may contain nearly anything"},
	} {
		p, err := pattern.Parse(c.in)
		if err != nil || p.String() != c.want {
			t.Errorf("Parse(%q) = %q, %v, want %q: %s", c.in, p, err, c.want, c.why)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		in       string
		offset   int
		category string
		why      string
	}{
		{"/a/[...b]/c", 10, "catch-all-not-last", "the offset is that of what follows"},
		{"//x/[[...b]]/[c]", 13, "catch-all-not-last", "offsets count the text as given"},
		{"/[…a]", 1, "ellipsis-character", "one character instead of three dots"},
		{"/[[[a]]]", 1, "extra-brackets", ""},
		{"/[[...a]", 1, "extra-brackets", "a bracket is missing at the end"},
		{"/a/[.b]", 3, "erroneous-period", ""},
		{"/[....b]", 1, "erroneous-period", "one dot too many"},
		{"/[[a]]", 1, "optional-single-param-unsupported", ""},
		{"/[a]/[b]/[a]", 9, "repeated-slug-name", ""},
		{"/[a-b]/[a.b]", 7, "slug-names-differ-only-by-non-word", ""},
		{"/[é]/[ü]", 6, "slug-names-differ-only-by-non-word", "nothing is left of either name"},
		{"/a/[]", 3, "empty-name", "Next has no error, and no match"},
		{"/[...]", 1, "empty-name", ""},
		{"/a\xff/b", 2, "invalid-utf-8", ""},
	} {
		_, err := pattern.Parse(c.in)
		var fault *pattern.SyntaxError
		if !errors.As(err, &fault) || fault.Offset != c.offset || fault.Category != c.category || fault.Pattern != c.in {
			t.Errorf("Parse(%q): %#v, want %s at %d (%s)", c.in, err, c.category, c.offset, c.why)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("MustParse(%q) does not panic", c.in)
				}
			}()
			pattern.MustParse(c.in)
		}()
	}
}

func TestPatternZero(t *testing.T) {
	var p pattern.Pattern
	if _, err := p.Match("/"); err != pattern.ErrNoMatch || p.String() != "" {
		t.Errorf("the zero Pattern %q matches: %v", p, err)
	}
	if _, err := p.Build(nil); err == nil {
		t.Error("the zero Pattern builds a path")
	}
	if _, err := p.ServeMux(); err == nil {
		t.Error("the zero Pattern has patterns for ServeMux")
	}
	if _, ok := p.Overlap(pattern.MustParse("/")); ok {
		t.Error("the zero Pattern overlaps")
	}
	var params pattern.Params
	if v, ok := params.Lookup("a"); ok || v != nil || params.Get("a") != "" {
		t.Error("the zero Params has a value")
	}
	for range params.All() {
		t.Error("the zero Params has a value")
	}
}

func TestPatternBuildErrors(t *testing.T) {
	for _, c := range []struct {
		pattern string
		params  map[string][]string
		want    string // part of the error
	}{
		{"/a/[b]", nil, `"b" is missing`},
		{"/a/[b]", map[string][]string{"b": {""}}, `"b" cannot be ""`},
		{"/a/[b]", map[string][]string{"b": {"x", "y"}}, `"b" takes one value, not 2`},
		{"/a/[b]", map[string][]string{"b": {".."}}, `cannot be ".."`},
		{"/a/[...b]", map[string][]string{"b": {}}, `"b" is missing`},
		{"/a/[...b]", map[string][]string{"b": {"x", ""}}, `cannot be ""`},
		{"/a/[[...b]]", map[string][]string{"b": {"\xff"}}, `cannot be "\xff"`},
		{"/[a]/[b]", map[string][]string{"c": {"x"}}, `"a" is missing, "b" is missing`},
	} {
		path, err := pattern.MustParse(c.pattern).Build(c.params)
		if err == nil || path != "" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Build(%q) = %q, %v, want %q", c.pattern, c.params, path, err, c.want)
		}
	}
}

func TestPatternOverlap(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want string // "" if they do not
	}{
		{"/a", "/a", "/a"},
		{"/a", "/b", ""},
		{"/a", "/[x]", "/a"},
		{"/[x]/b", "/a/[y]", "/a/b"},
		{"/[x]", "/[y]/[z]", ""},
		{"/[...x]", "/a/b", "/a/b"},
		{"/[...x]", "/", ""},
		{"/[[...x]]", "/", "/"},
		{"/a/[[...x]]", "/a", "/a"},
		{"/a/[...x]", "/[...y]", "/a/x"},
		{"/[[...x]]", "/[[...y]]", "/"},
		{"/[[...x]]", "/[...y]", "/x"},
		{"/a/[[...x]]", "/[y]/[z]/[...w]", "/a/x/x"},
		{"/s p/%", "/[x]/[y]", "/s%20p/%25"},
	} {
		p, q := pattern.MustParse(c.a), pattern.MustParse(c.b)
		for _, swap := range []bool{false, true} {
			if swap {
				p, q = q, p
			}
			path, ok := p.Overlap(q)
			if path != c.want || ok != (c.want != "") {
				t.Errorf("%s and %s: %q, %t, want %q", p, q, path, ok, c.want)
			}
			if !ok {
				continue
			}
			for _, r := range []pattern.Pattern{p, q} {
				if _, err := r.Match(path); err != nil {
					t.Errorf("%s does not match %s", r, path)
				}
			}
		}
	}
}

// TestPatternServeMux registers the patterns of ServeMux(), and compares the results
// with those of the pattern itself.
func TestPatternServeMux(t *testing.T) {
	for _, s := range []string{
		"/", "/a", "/a b/{c}/100%", "/é", "/[x]", "/a/[x]/b/[y]", "/[...x]", "/a/[...x]", "/[[...x]]", "/a/[[...x]]",
	} {
		p := pattern.MustParse(s)
		patterns, err := p.ServeMux()
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		mux := http.NewServeMux()
		var got *http.Request
		for _, m := range patterns {
			mux.HandleFunc(m, func(_ http.ResponseWriter, r *http.Request) { got = r })
		}
		for _, path := range []string{"/", "/a", "/a/v", "/a/v/b/w", "/a/v/w", "/a%20b/%7Bc%7D/100%25", "/%C3%A9", "/v%2Fw", "/a/v%2Fw/x"} {
			want, err := p.Match(path)
			if strings.HasPrefix(s, "/a/[...") && path == "/a" {
				continue // ServeMux redirects to /a/, and responds with an empty value
			}
			if s == "/[...x]" && path == "/" {
				continue // the same
			}
			got = nil
			mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
			if (got != nil) != (err == nil) {
				t.Errorf("%s as %q: %s reaches the handler: %t, Match: %v", s, patterns, path, got != nil, err)
			}
			if got == nil || err != nil {
				continue
			}
			for name, values := range want.All() {
				if v := pattern.Values(got, name); !slices.Equal(v, values) || got.PathValue(name) != want.Get(name) {
					t.Errorf("%s as %q: %s gives %q for %s, want %q", s, patterns, path, v, name, values)
				}
			}
		}
	}
	for _, s := range []string{"/[post-id]", "/[1st]", "/a/../b", "/."} {
		if patterns, err := pattern.MustParse(s).ServeMux(); err == nil {
			t.Errorf("%s: ServeMux says %q", s, patterns)
		}
	}
}
