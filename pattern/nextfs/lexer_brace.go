package nextfs

import "strings"

// An ending is what a closing brace ends, which decides how to read a slash
// after it: it divides an operand, and begins a regular expression after a
// statement.
type ending uint8

const (
	unknown   ending = iota
	operand          // an object literal; the body of a function or class that is a value
	statement        // a block, or a declaration
)

// A token is what the lexer remembers of the previous token.
type token struct {
	kind     kind
	text     string
	property bool
	operand  bool
	alias    bool // an equals sign before a type
}

func (t token) word(name string) bool {
	return t.kind == nameToken && t.text == name && !t.property
}

// position returns whether a value or the beginning of a statement follows the
// token.
func (t token) position() ending {
	switch {
	case t.kind == nameToken && !t.operand:
		if t.text == "else" || t.text == "do" || t.text == "default" {
			return statement
		}
		return operand
	case t.kind != punctToken:
		return statement
	}
	switch t.text {
	case ";", "}", ")", "]", "{", "@", "++", "--":
		return statement
	case ":", ">":
		return unknown
	}
	return operand
}

// opens returns the ending of a brace that opens after the token.
func (l *lexer) opens(before token) ending {
	punct, body := before.kind == punctToken, l.body
	switch {
	case body != unknown && punct && strings.Contains(": | & < ,", before.text):
		return unknown // a type between the name and the body
	case body != unknown && !before.word("extends"):
		l.body = unknown
		return body
	case punct && before.text == "=>":
		return statement // of a function that cannot be divided
	case before.alias:
		return unknown
	}
	return before.position()
}

// doubtful reads a slash after a brace with an unknown ending. It may be read
// either way if that makes no difference to brackets, quotes and exports.
func (l *lexer) doubtful() {
	const most = 1000 // of a line, so that no byte is read often
	line := l.src[l.pos+1 : min(len(l.src), l.pos+1+most)]
	n := strings.IndexAny(line, lineEnds)
	if n < 0 && len(line) < most {
		n = len(line)
	}
	if n >= 0 {
		line = line[:n]
		if n = strings.LastIndexByte(line, '/'); n < 0 { // a regular expression ends on its line
			l.punctuation('/')
			return
		}
	}
	if n < 0 || strings.ContainsAny(line[:n], "'\"`()[]{},;=\\") || strings.Contains(line[:n], "export") {
		l.fail("a slash after }, which may divide or begin a regular expression")
		return
	}
	l.regexp()
}
