// Package mediatype reads the media type of a Content-Type.
//
// Parse is strict, for requests: two readers of one request must not find two types in
// it. Essence and Is look at the type alone, for responses: a browser that is sent an
// event stream with a malformed parameter reads an event stream.
package mediatype

import (
	"iter"
	"net/http"
	"strings"
)

// A Type is a media type with its parameters. The zero Type is none.
type Type struct {
	// Name is the type and the subtype in lower case, such as "application/json", or
	// "" for no type.
	Name string

	params string // valid, as written
}

// longest limits the length of the Content-Type of a request, which is read before
// anything else. Real ones, with a boundary or a profile, have a few hundred bytes.
const longest = 1000

// maxParams limits the parameters, which are all compared with each other.
const maxParams = 32

// Of parses the Content-Type of a request. No field, and an empty one, mean no type. Two
// fields, and one of more than 1000 bytes, are not valid.
func Of(h http.Header) (t Type, ok bool) {
	switch fields := h["Content-Type"]; len(fields) {
	case 0:
		return Type{}, true
	case 1:
		switch field := fields[0]; {
		case field == "":
			return Type{}, true
		case field == "application/json": // nearly every request of an API
			return Type{Name: field}, true
		case len(field) <= longest:
			return Parse(field)
		}
	}
	return Type{}, false
}

// Parse parses a media type by RFC 9110, section 8.3.1, with the parameters of section
// 5.6.6: an empty one, as after a trailing semicolon, is allowed. A type that is not
// valid has its Name if at least that is.
//
// It differs from mime.ParseMediaType, which accepts a type without a subtype, spaces
// around the equals sign, and the continued parameters of RFC 2231.
func Parse(s string) (t Type, ok bool) {
	head, params := cut(s)
	main, sub, _ := strings.Cut(head, "/")
	if !IsToken(main) || !IsToken(sub) {
		return Type{}, false
	}
	t.Name = strings.ToLower(head)
	var seen [maxParams]string
	for n, rest := 0, params; ; n++ {
		name, _, after, ok := next(rest)
		switch {
		case !ok:
			return t, false
		case name == "":
			t.params = params
			return t, true
		case n == maxParams:
			return t, false
		}
		for _, earlier := range seen[:n] {
			if strings.EqualFold(earlier, name) {
				return t, false
			}
		}
		seen[n], rest = name, after
	}
}

// next parses the first parameter of s. The name is "" at the end, and as written
// otherwise; rest is empty or begins with a semicolon.
func next(s string) (name, value, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t;")
	if s == "" {
		return "", "", "", true
	}
	name, s, _ = strings.Cut(s, "=")
	value, rest, ok = parseValue(s)
	rest = strings.TrimLeft(rest, " \t")
	return name, value, rest, ok && IsToken(name) && (rest == "" || rest[0] == ';')
}

// parseValue parses a token or a quoted string at the start of s.
func parseValue(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		end := 0
		for end < len(s) && isTokenByte(s[end]) {
			end++
		}
		return s[:end], s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case c < ' ' && c != '\t', c == 0x7f:
			return "", "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

// All yields the parameters in order, with their names in lower case.
func (t Type) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for rest := t.params; ; {
			name, value, after, _ := next(rest)
			if name == "" || !yield(strings.ToLower(name), value) {
				return
			}
			rest = after
		}
	}
}

// Param returns the value of a parameter, whose name is given in lower case, "" if there
// is none.
func (t Type) Param(name string) string {
	for rest := t.params; ; {
		n, value, after, _ := next(rest)
		if n == "" || strings.EqualFold(n, name) {
			return value
		}
		rest = after
	}
}

// Equal reports whether two types mean the same: the same parameters in any order, and
// charsets in any letter case.
func (t Type) Equal(u Type) bool {
	if t.Name != u.Name {
		return false
	}
	params := map[string]string{}
	for name, value := range t.All() {
		if params[name] = value; name == "charset" {
			params[name] = strings.ToLower(value)
		}
	}
	for name, value := range u.All() {
		if name == "charset" {
			value = strings.ToLower(value)
		}
		if own, ok := params[name]; !ok || own != value {
			return false
		}
		delete(params, name)
	}
	return len(params) == 0
}

// Essence returns what is before the parameters of a Content-Type, in lower case.
func Essence(s string) string {
	head, _ := cut(s)
	return strings.ToLower(head)
}

// Is reports whether a Content-Type is the type with the name, in lower case. It
// allocates nothing.
func Is(s, name string) bool {
	if s == name {
		return true
	}
	head, _ := cut(s)
	return strings.EqualFold(head, name)
}

// cut returns the type and the subtype, without spaces around, and the parameters.
func cut(s string) (head, params string) {
	head, params, _ = strings.Cut(s, ";")
	return strings.Trim(head, " \t"), params
}

// IsToken reports whether s is a token (RFC 9110, section 5.6.2).
func IsToken(s string) bool {
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func isTokenByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
