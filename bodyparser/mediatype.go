package bodyparser

import (
	"net/http"
	"strings"
)

// A mediaType is what a Content-Type says.
type mediaType struct {
	name    string // in lower case, without parameters; "" if there is none
	charset string // as written
	ok      bool
}

// kind is what becomes of a body.
type kind int

const (
	text kind = iota
	jsonValue
	form
	untouched
)

func (m mediaType) kind() kind {
	switch {
	case m.name == "application/json", m.name == "application/ld+json", strings.HasSuffix(m.name, "+json"):
		return jsonValue
	case m.name == "application/x-www-form-urlencoded":
		return form
	case strings.HasPrefix(m.name, "multipart/"):
		return untouched
	}
	return text
}

// longestType bounds the Content-Type, which is read before anything else is.
// Real ones, with a boundary or a profile, have a few hundred bytes.
const longestType = 1000

// contentType reads the Content-Type of a request. No field is no type. Two
// fields, a list, or a parameter that is repeated leave a choice that another
// reader of the same request may make differently, so they are not ok; unlike
// mime.ParseMediaType, which also takes a type without a subtype.
func contentType(h http.Header) mediaType {
	switch fields := h["Content-Type"]; len(fields) {
	case 0:
		return mediaType{ok: true}
	case 1:
		switch fields[0] {
		case "application/json": // nearly every request of an API
			return mediaType{name: "application/json", ok: true}
		case "":
			return mediaType{ok: true}
		}
		if len(fields[0]) > longestType {
			return mediaType{}
		}
		return parseMediaType(fields[0])
	}
	return mediaType{}
}

// parseMediaType is the grammar of RFC 9110, section 8.3.1, with the parameters
// of section 5.6.6: an empty one, as behind a trailing semicolon, is allowed.
func parseMediaType(s string) mediaType {
	head, rest, _ := strings.Cut(strings.Trim(s, " \t"), ";")
	head = strings.TrimRight(head, " \t")
	main, sub, _ := strings.Cut(head, "/")
	if !isToken(main) || !isToken(sub) {
		return mediaType{}
	}
	m := mediaType{name: strings.ToLower(head)}
	var names []string
	for {
		rest = strings.TrimLeft(rest, " \t;")
		if rest == "" {
			m.ok = true
			return m
		}
		end := strings.IndexByte(rest, '=')
		if end < 0 || !isToken(rest[:end]) {
			return m
		}
		name := strings.ToLower(rest[:end])
		value, after, ok := parameterValue(rest[end+1:])
		after = strings.TrimLeft(after, " \t")
		if !ok || after != "" && after[0] != ';' {
			return m
		}
		for _, earlier := range names {
			if earlier == name {
				return m
			}
		}
		// A type with more parameters than this is not worth comparing them all.
		if names = append(names, name); len(names) > 32 {
			return m
		}
		if name == "charset" {
			m.charset = value
		}
		rest = after
	}
}

// parameterValue reads a token or a quoted string from the start of s.
func parameterValue(s string) (value, rest string, ok bool) {
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

func isToken(s string) bool {
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
