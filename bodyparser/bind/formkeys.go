package bind

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxSegments limits the parts of a key.
const maxSegments = 32

// An input is what a form has for one place: texts, or parts of it.
type input struct {
	pointer string
	key     string // that named the texts
	values  []string
	parts   map[string]*input
	number  uint64 // the client's number for a part of a list
}

// part returns the part of g with a name, which may be new.
func (d *formDecoder) part(g *input, name string) *input {
	p := g.parts[name]
	if p == nil {
		if g.values != nil {
			d.report(joinPointer(g.pointer, name), "duplicate", twoNames)
		}
		p = &input{pointer: joinPointer(g.pointer, name)}
		if g.parts == nil {
			g.parts = map[string]*input{}
		}
		g.parts[name] = p
	}
	return p
}

// last returns the text that counts for a single value.
func (g *input) last() string {
	if len(g.values) == 0 {
		return ""
	}
	return g.values[len(g.values)-1]
}

// empty reports whether the place was left empty. Pages send every input, so an
// empty one counts as absent.
func (g *input) empty(n *node) bool {
	if n.kind == list {
		for _, only := range g.parts {
			return len(g.parts) == 1 && n.elem.kind == leaf && only.last() == ""
		}
		return len(g.values) < 2 && g.last() == ""
	}
	// A struct of which only unknown fields were named is an object.
	named := n.kind == record && g.values == nil
	return len(g.parts) == 0 && g.last() == "" && !named
}

// add puts the values of one key into the tree below g. The key is resolved
// against the type, by the names that clients use.
func (d *formDecoder) add(n *node, g *input, key string, values []string) {
	if !utf8.ValidString(key) {
		d.report(joinPointer("", strings.ToValidUTF8(key, "\uFFFD")), "type", "is not a name in UTF-8")
		return
	}
	names, ok := split(key)
	if ok {
		ok = d.descend(n, g, key, names, values)
	}
	if !ok && d.strict {
		d.report(joinPointer("", key), "unknown", "is not a field of this request")
	}
}

// descend follows the names of a key. It reports false if the type does not
// have them.
func (d *formDecoder) descend(n *node, g *input, key string, names, values []string) bool {
	tooLong := len(names) > maxSegments
	for first := n; ; {
		if n != first && tooLong {
			d.report(joinPointer("", key), "index", "has too many parts")
			return true
		}
		if len(names) == 0 || n.kind == list && len(names) == 1 && names[0] == "" {
			d.assign(n, g, key, values)
			return true
		}
		switch n.kind {
		case leaf: // an object or a list in JSON
			d.report(g.pointer, "type", n.conv.expected)
			return true
		case record:
			f, rest := n.find(names)
			switch {
			case f == nil && names[0] == "":
				d.report(g.pointer, "type", expected(n.typ))
				return true
			case f == nil:
				return false
			}
			n, g, names = f.node, d.part(g, f.name), rest
		case list:
			if names[0] == "" {
				d.report(g.pointer, "index", "must have a number in its brackets, from 0 on")
				return true
			}
			number, err := strconv.ParseUint(names[0], 10, 64)
			if err != nil {
				d.report(joinPointer(g.pointer, names[0]), "index", "must be a whole number, from 0 on")
				return true
			}
			n, g, names = n.elem, d.part(g, strconv.FormatUint(number, 10)), names[1:]
			g.number = number
		case table:
			if names[0] == "" {
				d.report(g.pointer, "index", "must have a name in its brackets")
				return true
			}
			n, g, names = n.elem, d.part(g, names[0]), names[1:]
		}
	}
}

// assign keeps the values of a place.
func (d *formDecoder) assign(n *node, g *input, key string, values []string) {
	for _, v := range values {
		if !utf8.ValidString(v) {
			d.report(g.pointer, "type", "must be text in UTF-8")
			return
		}
	}
	if g.values != nil && g.key != key || len(g.parts) > 0 {
		d.report(g.pointer, "duplicate", twoNames)
		return
	}
	g.key, g.values = key, values
}

// split cuts a key into its names: a.b[0][c] is a, b, 0, c. A list may end in
// empty brackets. It reports false for malformed keys, and stops after
// maxSegments.
func split(key string) (names []string, ok bool) {
	for rest := key; ; {
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		switch {
		case end == 0:
			return nil, false
		case len(names) > maxSegments:
			return names, true
		}
		names = append(names, rest[:end])
		rest = rest[end:]
		for strings.HasPrefix(rest, "[") {
			name, after, closed := strings.Cut(rest[1:], "]")
			if !closed || strings.Contains(name, "[") {
				return nil, false
			}
			if len(names) > maxSegments {
				return names, true
			}
			names, rest = append(names, name), after
		}
		if rest == "" {
			return names, true
		}
		if rest[0] != '.' {
			return nil, false
		}
		rest = rest[1:]
	}
}

// hasKey reports whether a key names a field of the record, or a part of one.
func hasKey(n *node, key string) bool {
	f, _ := n.findKey(key)
	return f != nil
}

// findKey returns the field that a key names, or a part of, and the names of the
// part. It returns nil if there is none.
func (n *node) findKey(key string) (f *field, part []string) {
	names, ok := split(key)
	if n == nil || !ok {
		return nil, nil
	}
	return n.find(names)
}
