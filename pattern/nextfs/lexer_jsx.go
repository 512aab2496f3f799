package nextfs

import (
	"slices"
	"strings"
)

// startsElement distinguishes an element from the parameters of a generic
// function, which in a file with JSX are unambiguous:
// <T,>(x: T) or <T extends object>(x: T).
func (l *lexer) startsElement() bool {
	rest := l.src[l.pos+1:]
	n := tagLength(rest)
	if n == 0 {
		return strings.HasPrefix(rest, ">")
	}
	after := strings.TrimLeft(rest[n:], " \t\r\n")
	return rest[:n] != "const" && !strings.HasPrefix(after, ",") && !strings.HasPrefix(after, "extends ")
}

// tagLength returns the length of the name of an element or an attribute.
func tagLength(s string) (n int) {
	for n < len(s) && (isName(s[n]) || n > 0 && (s[n] == '-' || s[n] == '.' || s[n] == ':')) {
		n++
	}
	return n
}

// declares reports whether a text may contain an export declaration.
func declares(text string) bool {
	for {
		before, after, ok := strings.Cut(text, "export")
		if !ok {
			return false
		}
		text = after
		rest := strings.TrimLeft(after, " \t\r\n")
		word := rest[:tagLength(rest)]
		if (before == "" || !isName(before[len(before)-1])) && (strings.HasPrefix(rest, "{") || strings.HasPrefix(rest, "*") || strings.HasPrefix(rest, "@") ||
			len(rest) < len(after) && slices.Contains(declarations, word)) {
			return true
		}
	}
}

// declarations are the words after "export".
var declarations = []string{"abstract", "async", "class", "const", "default", "enum", "function", "import", "let", "var"}

// element skips an element with its content.
//
// The type parameters of a function, <T>(x: T), look like an element that ends at
// a closing tag somewhere in a comment, with everything between as text. If that
// has a declaration, the result is in doubt.
func (l *lexer) element() {
	if l.depth++; l.depth > maxDepth {
		l.fail("elements are nested too deep")
		return
	}
	start := l.pos
	name := l.src[start+1 : start+1+tagLength(l.src[start+1:])]
	l.pos += 1 + len(name)
	if l.attributes() {
		parameters := strings.HasPrefix(strings.TrimLeft(l.src[l.pos:], " \t\n"), "(")
		l.children(name)
		l.doubt = l.doubt || parameters && l.err == nil && declares(l.src[start:l.pos])
	}
	l.depth--
	if l.err == nil {
		l.kind, l.text, l.operand, l.property = valueToken, "", true, false
	}
}

// attributes skips the rest of an opening tag, and reports whether children
// follow.
func (l *lexer) attributes() bool {
	for {
		l.space()
		if l.pos >= len(l.src) {
			l.fail("a tag is not closed")
			return false
		}
		rest := l.src[l.pos:]
		switch c := rest[0]; {
		case c == '>':
			l.pos++
			return true
		case strings.HasPrefix(rest, "/>"):
			l.pos += 2
			return false
		case c == '{':
			l.pos++
			l.group("}")
		case c == '"' || c == '\'': // has no escapes, and may have several lines
			n := strings.IndexByte(rest[1:], c)
			if n < 0 {
				l.fail("the value of an attribute is not closed")
				return false
			}
			l.pos += n + 2
		case c == '<':
			l.element()
		case c == '=':
			l.pos++
		default:
			n := tagLength(rest)
			if n == 0 {
				l.fail("%q in a tag", c)
				return false
			}
			l.pos += n
		}
	}
}

// children skips the text, elements and expressions up to and including the
// closing tag.
func (l *lexer) children(name string) {
	for {
		n := strings.IndexAny(l.src[l.pos:], "<{")
		if n < 0 {
			l.fail("an element is not closed")
			return
		}
		l.pos += n
		switch {
		case l.src[l.pos] == '{':
			l.pos++
			l.group("}")
		case strings.HasPrefix(l.src[l.pos:], "</"):
			n := strings.IndexByte(l.src[l.pos:], '>')
			if n < 0 {
				l.fail("a closing tag is not closed")
				return
			}
			if tag := strings.TrimSpace(l.src[l.pos+2 : l.pos+n]); tag[:tagLength(tag)] != name {
				l.fail("</%s> where </%s> is missing", tag, name)
				return
			}
			l.pos += n + 1
			return
		default:
			l.element()
		}
	}
}
