package nextfs

import (
	"fmt"
	"strings"
)

// A lexer reads JavaScript and TypeScript just enough to distinguish code from
// comments, strings, templates, regular expressions and JSX, and to match
// brackets. It does not know expressions or types.
//
// The only question that needs more than the next few bytes is whether a slash
// divides or begins a regular expression, and whether "<" compares or begins
// JSX. The token before it decides: after an operand it is an operator. A
// closing brace may end an operand or a statement; lexer_brace.go decides which. A
// wrong guess leaves a quote or a bracket open sooner or later, which is an
// error. If it might not, because the skipped text could be read both ways, it
// is an error too, so that no result depends on a guess.
//
// Each byte is read a bounded number of times, and brackets nest up to
// maxDepth.
type lexer struct {
	src        string
	start, pos int  // of the token, and after it
	jsx        bool // whether "<" may begin an element

	kind    kind   // of the token
	text    string // of a name or punctuation, or a string without its quotes
	newline bool   // whether a line ended before the token

	operand   bool   // the token is, or ends, an operand
	unsure    bool   // the token is a brace that may end an operand or a statement
	property  bool   // the token is a dot, or a name after one
	before    string // the text of the token before it
	complete  bool   // an expression may end before the token
	condition bool   // the token follows "if", or another word with a condition
	depth     int
	doubt     bool // text read as an element may have exports
	commonJS  bool // the name "exports" or a member of "module" was seen

	brace ending // what the brace that the token opens will end
	body  ending // the same for the body of the current function or class
	async ending // the same, if the token is "async"
	alias bool   // the next "=" is before a type, after the name of an alias

	err *sourceError
}

// Line ends. separator replaces the two of Unicode, which do not end a string.
const (
	separator = '\x1e'
	lineEnds  = "\n\x1e"
)

type kind uint8

const (
	endToken kind = iota
	nameToken
	stringToken
	valueToken // a number, a template, a regular expression, or an element
	punctToken
)

// maxDepth limits the nesting of brackets, far above any real program.
const maxDepth = 500

// beforeOperand are the reserved words that an operand follows.
const beforeOperand = " return typeof case do else in instanceof new void delete throw await yield extends default "

func (l *lexer) fail(format string, args ...any) {
	if l.err == nil {
		l.err = &sourceError{l.src[:min(l.pos, len(l.src))], fmt.Sprintf(format, args...)}
	}
	l.pos, l.kind, l.text = len(l.src), endToken, ""
}

// A sourceError is an error in the source. It counts lines only on request:
// constants are read ahead, and often fail.
type sourceError struct{ before, reason string }

func (e *sourceError) Error() string {
	return fmt.Sprintf("line %d: %s", 1+strings.Count(e.before, "\n"), e.reason)
}

// next reads a token. It is end after the last one, and after an error.
func (l *lexer) next() {
	afterDot := l.kind == punctToken && l.property
	l.complete = l.operand || l.is("}")
	l.condition = l.kind == nameToken && !l.property &&
		(strings.Contains(" if while for with ", " "+l.text+" ") || l.text == "await" && l.condition)
	before := token{l.kind, l.text, l.property, l.operand, l.alias && l.is("=")}
	l.alias, l.before = l.alias && !before.alias, before.text
	unsure := l.unsure
	l.space()
	l.property, l.unsure = false, false
	if l.pos >= len(l.src) {
		l.kind, l.text = endToken, ""
		return
	}
	start, c := l.pos, l.src[l.pos]
	switch {
	case isName(c):
		number := c >= '0' && c <= '9'
		for l.pos < len(l.src) && (isName(l.src[l.pos]) || number && l.src[l.pos] == '.') {
			l.pos++
		}
		l.kind, l.text = nameToken, l.src[start:l.pos]
		if number {
			l.kind = valueToken
		}
		l.property = afterDot
		l.operand = afterDot || !strings.Contains(beforeOperand, " "+l.text+" ")
		switch {
		case l.text == "exports":
			l.commonJS = true
		case afterDot:
		case l.text == "async":
			l.async = before.position()
		case before.word("async") && l.text == "function":
			l.body = l.async
		case l.text == "function", l.text == "class":
			l.body = before.position()
		case l.text == "of" && (before.operand || before.kind == punctToken && before.text == "}" && l.depth > 0): // for (a of /b/)
			l.operand = false
		case l.text == "const", l.text == "let", l.text == "var":
			l.alias = false
		case before.word("type") && !l.newline:
			l.alias = true
		}
	case c == '"' || c == '\'':
		l.quoted(c)
		if l.err == nil {
			l.kind, l.text, l.operand = stringToken, l.src[start+1:l.pos-1], true
		}
	case c == '`':
		l.template()
	case c == '/' && unsure:
		l.doubtful()
	case c == '/' && !l.operand:
		l.regexp()
	case c == '<' && !l.operand && l.jsx && !before.alias && l.startsElement():
		l.element()
	case c == '\\':
		l.fail("an escape in a name")
	default:
		l.punctuation(c)
		if l.is("{") {
			l.brace = l.opens(before)
		} else if l.is(":") && (before.word("function") || before.word("class")) {
			l.body = unknown // it was the name of a member
		} else if before.word("module") && (l.is(".") || l.is("[")) {
			l.commonJS = true
		}
	}
	l.start = start
}

// is reports whether the token is this punctuation.
func (l *lexer) is(p string) bool { return l.kind == punctToken && l.text == p }

// word reports whether the token is this name, and not of a property.
func (l *lexer) word(name string) bool {
	return l.kind == nameToken && l.text == name && !l.property
}

// closes reports whether the token is a closing bracket.
func (l *lexer) closes() bool { return l.is(")") || l.is("]") || l.is("}") }

func isName(c byte) bool {
	return c == '$' || c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c >= 0x80
}

// punctuation reads a single character, or a longer operator that differs from
// its parts.
func (l *lexer) punctuation(c byte) {
	was := l.operand
	l.kind, l.text, l.operand = punctToken, l.src[l.pos:l.pos+1], c == ')' || c == ']'
	for _, long := range []string{"...", "=>", "==", "++", "--"} {
		if strings.HasPrefix(l.src[l.pos:], long) {
			l.text = long
		}
	}
	l.pos += len(l.text)
	switch l.text {
	case ".":
		l.property = true
	case "++", "--", "!":
		// It may follow the operand: in TypeScript "!" after it asserts that it
		// is not null.
		l.operand = was
	}
}

// space skips white space and comments.
func (l *lexer) space() {
	l.newline = false
	for l.pos < len(l.src) {
		rest := l.src[l.pos:]
		switch {
		case rest[0] == '\n', rest[0] == separator:
			l.newline = true
			l.pos++
		case rest[0] <= ' ':
			l.pos++
		case strings.HasPrefix(rest, "//"), l.pos == 0 && strings.HasPrefix(rest, "#!"):
			n := strings.IndexAny(rest, lineEnds)
			if n < 0 {
				n = len(rest)
			}
			l.pos += n
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				l.fail("a comment is not closed")
				return
			}
			l.newline = l.newline || strings.ContainsAny(rest[:n+2], lineEnds)
			l.pos += n + 4
		default:
			return
		}
	}
}

// quoted skips a string of one line.
func (l *lexer) quoted(quote byte) {
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch l.src[l.pos] {
		case quote:
			l.pos++
			return
		case '\\':
			l.pos++
		case '\n':
			l.fail("a string is not closed")
			return
		}
	}
	l.fail("a string is not closed")
}

// template skips a template with the expressions in it.
func (l *lexer) template() {
	l.pos++
	for l.pos < len(l.src) {
		switch c := l.src[l.pos]; {
		case c == '`':
			l.pos++
			l.kind, l.text, l.operand = valueToken, "", true
			return
		case c == '\\':
			l.pos += 2
		case strings.HasPrefix(l.src[l.pos:], "${"):
			l.pos += 2
			l.group("}")
		default:
			l.pos++
		}
	}
	l.fail("a template is not closed")
}

func (l *lexer) regexp() {
	class := false
	for l.pos++; l.pos < len(l.src); l.pos++ {
		switch c := l.src[l.pos]; {
		case c == '\\':
			l.pos++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			for l.pos++; l.pos < len(l.src) && isName(l.src[l.pos]); l.pos++ {
			}
			l.kind, l.text, l.operand = valueToken, "", true
			return
		}
		if l.pos < len(l.src) && strings.IndexByte(lineEnds, l.src[l.pos]) >= 0 {
			break
		}
	}
	l.fail("a regular expression is not closed")
}

// skip skips the group that the token opens, if any. The token is then the
// closing bracket.
func (l *lexer) skip() {
	switch {
	case l.is("("):
		condition := l.condition
		l.group(")")
		if condition {
			l.operand = false // a statement follows
		}
	case l.is("["):
		l.group("]")
	case l.is("{"):
		ends := l.brace
		l.group("}")
		l.operand, l.unsure = ends == operand, ends == unknown
	}
}

// group skips everything up to the closing bracket, which is then the token.
func (l *lexer) group(closer string) {
	if l.depth++; l.depth > maxDepth {
		l.fail("brackets are nested too deep")
		return
	}
	body := l.body // of the code around the group
	l.body = unknown
	l.kind, l.text, l.operand, l.property, l.unsure = punctToken, map[string]string{")": "(", "]": "[", "}": "{"}[closer], false, false, false
	for l.next(); !l.is(closer); l.next() {
		if l.kind == endToken {
			l.fail("%s is missing", closer)
			return
		}
		if l.closes() {
			l.fail("%s where %s is missing", l.text, closer)
			return
		}
		l.skip()
	}
	l.body = body
	l.depth--
}
