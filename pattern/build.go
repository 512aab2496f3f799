package pattern

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

var errZero = errors.New("pattern: the zero Pattern matches nothing")

// Build returns the percent-encoded path that gives these parameters when the
// pattern matches it. A parameter needs one value, a catch-all one or more; an
// optional catch-all may have none. Unknown names are ignored.
//
// The error lists every value that is missing or that no request could carry:
// an empty one, "." and "..", which browsers and servers resolve, and text that
// is not UTF-8.
func (p Pattern) Build(params map[string][]string) (string, error) {
	if p.c == nil {
		return "", errZero
	}
	var b strings.Builder
	var faults []string
	for _, seg := range p.c.segs {
		if seg.kind == static {
			b.WriteString("/" + url.PathEscape(seg.text))
			continue
		}
		values := params[seg.text]
		switch n := len(values); {
		case n == 0 && seg.kind != optional:
			faults = append(faults, fmt.Sprintf("%q is missing", seg.text))
		case n > 1 && seg.kind == single:
			faults = append(faults, fmt.Sprintf("%q takes one value, not %d", seg.text, n))
		}
		for _, v := range values {
			if v == "" || v == "." || v == ".." || !utf8.ValidString(v) {
				faults = append(faults, fmt.Sprintf("%q cannot be %q", seg.text, v))
			}
			b.WriteString("/" + url.PathEscape(v))
		}
	}
	if faults != nil {
		return "", fmt.Errorf("pattern: building %s: %s", p.c.text, strings.Join(faults, ", "))
	}
	if b.Len() == 0 {
		return "/", nil
	}
	return b.String(), nil
}

func escapePath(path string) string {
	segs := strings.Split(path, "/")
	for i, s := range segs {
		segs[i] = url.PathEscape(s)
	}
	return strings.Join(segs, "/")
}

// ServeMux returns the patterns for registering a handler on an http.ServeMux
// without a table: "/post/{id}" for "/post/[id]". An optional catch-all has
// two, one for its absence. They serve the path without a trailing slash.
//
// It is an error if a name is not a Go identifier, as ServeMux requires, or if
// ServeMux would clean away a static segment. ServeMux cannot express "one
// segment or more": "/files/{path...}" also matches "/files/", with an empty
// value.
func (p Pattern) ServeMux() ([]string, error) {
	if p.c == nil {
		return nil, errZero
	}
	var b strings.Builder
	for _, seg := range p.c.segs {
		switch {
		case seg.kind == static && (seg.text == "." || seg.text == ".."):
			return nil, fmt.Errorf("pattern: ServeMux never matches %s: it resolves %q", p.c.text, seg.text)
		case seg.kind == static:
			b.WriteString("/" + muxLiteral(seg.text))
		case !isIdentifier(seg.text):
			return nil, fmt.Errorf("pattern: ServeMux cannot match %s: the name %q is not a Go identifier", p.c.text, seg.text)
		case seg.kind == single:
			b.WriteString("/{" + seg.text + "}")
		default:
			path := b.String() + "/{" + seg.text + "...}"
			if seg.kind == rest || b.Len() == 0 {
				return []string{path}, nil
			}
			return []string{b.String(), path}, nil
		}
	}
	if b.Len() == 0 {
		return []string{"/{$}"}, nil
	}
	return []string{b.String()}, nil
}

// muxLiteral encodes the characters with a meaning in patterns of ServeMux,
// which decodes them again.
var muxLiteral = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D", " ", "%20", "\t", "%09").Replace

func isIdentifier(name string) bool {
	for i, r := range name {
		if !unicode.IsLetter(r) && r != '_' && (i == 0 || !unicode.IsDigit(r)) {
			return false
		}
	}
	return name != ""
}
