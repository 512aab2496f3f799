package pattern

import "strings"

// A Pattern is a parsed route in the syntax of Next.js. The zero Pattern
// matches nothing. Patterns are immutable and safe for concurrent use.
type Pattern struct{ c *compiled }

type compiled struct {
	text   string
	segs   []segment
	params []param // in the order of the path
	names  string  // of the parameters, see pathvalues.go
}

type param struct {
	name  string
	noted string // the name in brackets, see pathvalues.go
	seg   int    // its segment in the pattern, and in every path that matches
	kind  kind
}

// Parse parses a pattern. A whole segment in brackets is a parameter:
//
//	[id]         one segment
//	[...path]    one segment or more, at the end only
//	[[...path]]  any number of segments, at the end only
//
// Everything else is static text, taken literally: "/re[view]" has no
// parameter, and "%41" is three characters. A missing leading slash is
// supplied; repeated and trailing slashes are dropped. The error is a
// [*SyntaxError].
func Parse(s string) (Pattern, error) {
	c, fault := parse(s)
	if fault != nil {
		return Pattern{}, fault
	}
	return Pattern{c}, nil
}

// MustParse is [Parse] for patterns known to be good; it panics on an error.
func MustParse(s string) Pattern {
	p, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return p
}

// String returns the pattern in its normal form, which begins with a slash
// and, except for "/", does not end with one.
func (p Pattern) String() string {
	if p.c == nil {
		return ""
	}
	return p.c.text
}

// Match reports how the pattern matches a path, like Next.js: one trailing
// slash is ignored, "." and ".." are ordinary values, and an empty segment is a
// value inside a catch-all.
//
// The path is percent-encoded, as r.URL.EscapedPath() returns it. It is split
// at its slashes first and each segment is then decoded once: an encoded slash
// stays inside its value. Static segments compare decoded.
//
// The error is [ErrNoMatch], or a [*DecodeError] if the pattern matches but a
// value is not valid percent-encoded UTF-8.
func (p Pattern) Match(escapedPath string) (Params, error) {
	if p.c == nil || escapedPath == "" || escapedPath[0] != '/' {
		return Params{}, ErrNoMatch
	}
	path := trimSlash(escapedPath)
	decodedPath, encoded := path, false
	if strings.IndexByte(path, '%') >= 0 {
		decodedPath, encoded = decodeForRouting(path), true
	}
	starts, ok := p.c.match(decodedPath)
	if !ok {
		return Params{}, ErrNoMatch
	}
	params := Params{p.c, path, starts}
	if encoded {
		params.starts = encodedPath // the others are those of decodedPath
	}
	if err := params.check(); err != nil {
		return Params{}, err
	}
	return params, nil
}

// match walks the pattern along a decoded path without a trailing slash.
func (c *compiled) match(path string) (starts offsets, ok bool) {
	i := 1
	if len(path) == 1 {
		i = 2 // after the end: no segments
	}
	for _, seg := range c.segs {
		if i > len(path) {
			return 0, seg.kind == optional
		}
		if seg.kind.isCatchAll() {
			return 0, true
		}
		j := segmentEnd(path, i)
		if seg.kind == static && path[i:j] != seg.text || i == j {
			return 0, false
		}
		starts, i = starts.add(i), j+1
	}
	return starts.withFlags(0), i > len(path)
}

func (c *compiled) catchAll() bool {
	n := len(c.segs)
	return n > 0 && c.segs[n-1].kind.isCatchAll()
}

// trimSlash drops one trailing slash.
func trimSlash(path string) string {
	if n := len(path); n > 1 && path[n-1] == '/' {
		return path[:n-1]
	}
	return path
}
