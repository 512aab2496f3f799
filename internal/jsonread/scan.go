package jsonread

import (
	"bytes"
	"encoding/binary"
	"errors"
	"unicode"
	"unicode/utf8"
)

var (
	errNotUTF8 = errors.New("not valid UTF-8")
	errSyntax  = errors.New("syntax error")
)

type scanner struct {
	data   []byte
	pos    int
	depth  int   // levels left
	values int   // values left
	unique bool  // no duplicate key
	ranged bool  // no number beyond float64
	tree   *tree // builds the values; nil builds none
	err    error
}

// text scans the whole text, and returns its value if there is a tree.
func (s *scanner) text() (any, error) {
	s.space()
	v, ok := s.value()
	if ok {
		if s.space(); s.pos < len(s.data) {
			s.fail(errSyntax)
		}
	}
	if s.err == nil && !utf8.Valid(s.data) {
		s.pos = invalidUTF8(s.data)
		s.fail(errNotUTF8)
	}
	if s.err != nil {
		return nil, &Fault{s.err, int64(s.pos)}
	}
	return v, nil
}

func (s *scanner) fail(err error) bool {
	s.err = err
	return false
}

func (s *scanner) space() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return
		}
	}
}

// next returns the byte at the position, 0 at the end.
func (s *scanner) next() byte {
	if s.pos < len(s.data) {
		return s.data[s.pos]
	}
	return 0
}

// value scans the next value. It is nil without a tree.
func (s *scanner) value() (v any, ok bool) {
	if s.values--; s.values < 0 {
		return nil, s.fail(ErrValues)
	}
	start := s.pos
	switch c := s.next(); {
	case c == '{':
		return s.object()
	case c == '[':
		return s.array()
	case c == '"':
		if ok = s.string(); ok && s.tree != nil {
			v = s.tree.string(s.data[start:s.pos])
		}
	case c == '-' || '0' <= c && c <= '9':
		ok = s.number()
		switch number := s.data[start:s.pos]; {
		case ok && s.ranged && outOfRange(number):
			s.pos = start
			return nil, s.fail(ErrRange)
		case ok && s.tree != nil:
			v = s.tree.number(number)
		}
	case c == 't':
		return true, s.literal("true")
	case c == 'f':
		return false, s.literal("false")
	case c == 'n':
		return nil, s.literal("null")
	default:
		return nil, s.fail(errSyntax)
	}
	return v, ok
}

func (s *scanner) literal(word string) bool {
	if !bytes.HasPrefix(s.data[s.pos:], []byte(word)) {
		return s.fail(errSyntax)
	}
	s.pos += len(word)
	return true
}

// enter steps over an opening bracket.
func (s *scanner) enter() bool {
	if s.depth == 0 {
		return s.fail(ErrDepth)
	}
	s.depth--
	s.pos++
	s.space()
	return true
}

// leave steps over the closing bracket if it is next.
func (s *scanner) leave(bracket byte) bool {
	if s.next() != bracket {
		return false
	}
	s.depth++
	s.pos++
	return true
}

// more steps over what follows an element: a comma, or the closing bracket.
func (s *scanner) more(bracket byte) (more, ok bool) {
	s.space()
	if s.leave(bracket) {
		return false, true
	}
	if s.next() != ',' {
		return false, s.fail(errSyntax)
	}
	s.pos++
	s.space()
	return true, true
}

func (s *scanner) array() (any, bool) {
	if !s.enter() {
		return nil, false
	}
	list := s.tree.array()
	for more := !s.leave(']'); more; {
		v, ok := s.value()
		if !ok {
			return nil, false
		}
		if s.tree != nil {
			s.tree.add(v)
		}
		if more, ok = s.more(']'); !ok {
			return nil, false
		}
	}
	return s.tree.elements(list), true
}

func (s *scanner) object() (any, bool) {
	if !s.enter() {
		return nil, false
	}
	var keys map[string]struct{}
	if s.unique {
		keys = make(map[string]struct{})
	}
	fields := s.tree.object()
	for more := !s.leave('}'); more; {
		start := s.pos
		if s.next() != '"' {
			return nil, s.fail(errSyntax)
		}
		if !s.string() {
			return nil, false
		}
		quoted := s.data[start:s.pos]
		if s.unique {
			key := folded(quoted)
			if _, twice := keys[key]; twice {
				s.pos = start
				return nil, s.fail(ErrDuplicate)
			}
			keys[key] = struct{}{}
		}
		s.space()
		if s.next() != ':' {
			return nil, s.fail(errSyntax)
		}
		s.pos++
		s.space()
		v, ok := s.value()
		if !ok {
			return nil, false
		}
		if fields != nil {
			fields[s.tree.name(quoted)] = v
		}
		if more, ok = s.more('}'); !ok {
			return nil, false
		}
	}
	if fields == nil {
		return nil, true
	}
	return fields, true
}

// folded returns a key in the form that encoding/json compares with struct fields: it
// treats the keys of {"admin":false,"Admin":true} as equal.
func folded(quoted []byte) string {
	key := appendUnquoted(nil, quoted)
	return string(bytes.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next // the least of all runes that fold to each other
			}
			r = next
		}
	}, key))
}

func (s *scanner) string() bool {
	for i := s.pos + 1; i < len(s.data); i++ {
		if i = plainText(s.data, i); i == len(s.data) {
			break
		}
		switch c := s.data[i]; {
		case c == '"':
			s.pos = i + 1
			return true
		case c == '\\':
			n := escape(s.data[i+1:])
			if n == 0 {
				s.pos = i
				return s.fail(errSyntax)
			}
			i += n
		case c < ' ':
			s.pos = i
			return s.fail(errSyntax)
		}
	}
	s.pos = len(s.data)
	return s.fail(errSyntax)
}

// plainText returns the first position from i on of a quote, a backslash or a control
// character. Most bytes of most bodies are none of these, so it checks eight at a time.
func plainText(data []byte, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(data); i += 8 {
		x := binary.LittleEndian.Uint64(data[i:])
		quote, slash := x^'"'*ones, x^'\\'*ones
		// The high bit of each byte is set if it was 0 after the exclusive or, or below
		// 0x20. Bytes above 0x7f are neither.
		if ((quote-ones)|(slash-ones)|(x-0x20*ones))&^x&high != 0 {
			break
		}
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
		i++
	}
	return i
}

// escape returns the length of a valid escape after a backslash, or 0.
func escape(s []byte) int {
	if len(s) == 0 {
		return 0
	}
	switch s[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1
	case 'u':
		if len(s) >= 5 && isHex(s[1]) && isHex(s[2]) && isHex(s[3]) && isHex(s[4]) {
			return 5
		}
	}
	return 0
}

func isHex(c byte) bool {
	return isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'f'
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func (s *scanner) number() bool {
	if s.next() == '-' {
		s.pos++
	}
	switch c := s.next(); {
	case c == '0':
		s.pos++
	case isDigit(c):
		s.digits()
	default:
		return s.fail(errSyntax)
	}
	if s.next() == '.' {
		s.pos++
		if !s.digits() {
			return false
		}
	}
	if s.next()|0x20 == 'e' {
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		return s.digits()
	}
	return true
}

func (s *scanner) digits() bool {
	if !isDigit(s.next()) {
		return s.fail(errSyntax)
	}
	for isDigit(s.next()) {
		s.pos++
	}
	return true
}
