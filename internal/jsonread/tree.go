package jsonread

import (
	"encoding/json"
	"math"
	"strconv"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Value returns the one JSON value in a text, with the types that encoding/json uses
// for an any, except that numbers are json.Number. It checks what [Check] checks, and
// that a float64 can hold each number.
//
// encoding/json keeps the digits of numbers only when it reads a stream, and copies the
// text into a growing buffer for that.
func Value(text []byte, rules Rules) (any, error) {
	t := trees.Get().(*tree)
	s := rules.scanner(text)
	s.ranged, s.tree = true, t
	v, err := s.text()
	t.release()
	return v, err
}

// A tree builds the values of a scanned text. A nil tree builds none.
type tree struct {
	open    []any  // the elements of all open arrays
	scratch []byte // where strings are assembled

	// Repeated texts, such as field names, are allocated once: each place keeps the
	// last of those that share it.
	names   [64]string
	numbers [64]any
}

var trees = sync.Pool{New: func() any { return new(tree) }}

// The capacity kept for the next text: elements of arrays, bytes of strings.
const (
	keptElements = 4096
	keptBytes    = 64 << 10
)

// release clears the text, and keeps the capacity for the next.
func (t *tree) release() {
	clear(t.open[:cap(t.open)])
	t.open = t.open[:0]
	if cap(t.open) > keptElements {
		t.open = nil
	}
	if cap(t.scratch) > keptBytes {
		t.scratch = nil
	}
	clear(t.names[:])
	clear(t.numbers[:])
	trees.Put(t)
}

// array begins an array, and returns the index of its first element.
func (t *tree) array() int {
	if t == nil {
		return 0
	}
	return len(t.open)
}

func (t *tree) add(v any) {
	if len(t.open) == cap(t.open) {
		bigger := make([]any, len(t.open), max(64, 2*cap(t.open)))
		copy(bigger, t.open)
		t.open = bigger
	}
	t.open = append(t.open, v)
}

// elements ends an array. Its length is known only now, so it is allocated in its exact
// size, unless the buffer of its elements is large and nearly full.
func (t *tree) elements(first int) any {
	if t == nil {
		return nil
	}
	n := len(t.open) - first
	if first == 0 && n > keptElements && n >= cap(t.open)/4*3 {
		list := t.open
		t.open = nil
		return list
	}
	list := make([]any, n)
	copy(list, t.open[first:])
	t.open = t.open[:first]
	return list
}

func (t *tree) object() map[string]any {
	if t == nil {
		return nil
	}
	return make(map[string]any)
}

// longestName bounds the names and numbers that are looked up, in bytes.
const longestName = 32

// slot returns the index at which a name or number may be kept.
func slot(text []byte) int {
	n := len(text)
	return (n*7 + int(text[0])*31 + int(text[n/2])*13 + int(text[n-1])) & 63
}

func (t *tree) name(quoted []byte) string {
	inner := quoted[1 : len(quoted)-1]
	if len(inner) == 0 || len(inner) > longestName {
		return t.string(quoted)
	}
	known := &t.names[slot(inner)]
	if *known != string(inner) {
		name := t.string(quoted)
		if name != string(inner) {
			return name // with an escape
		}
		*known = name
	}
	return *known
}

func (t *tree) number(text []byte) any {
	if len(text) > longestName {
		return json.Number(text)
	}
	known := &t.numbers[slot(text)]
	if n, _ := (*known).(json.Number); string(n) != string(text) {
		*known = json.Number(text)
	}
	return *known
}

func (t *tree) string(quoted []byte) string {
	t.scratch = appendUnquoted(t.scratch[:0], quoted)
	return string(t.scratch)
}

// appendUnquoted appends the text of a scanned JSON string. Half of a surrogate pair
// becomes U+FFFD, as in encoding/json.
func appendUnquoted(dst, quoted []byte) []byte {
	s := quoted[1 : len(quoted)-1]
	for {
		i := plainText(s, 0) // up to a backslash: a quote always has one
		dst = append(dst, s[:i]...)
		if i == len(s) {
			return dst
		}
		c := s[i+1]
		s = s[i+2:]
		switch c {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := unit(s)
			s = s[4:]
			if utf16.IsSurrogate(r) {
				whole := rune(unicode.ReplacementChar)
				if len(s) >= 6 && s[0] == '\\' && s[1] == 'u' {
					whole = utf16.DecodeRune(r, unit(s[2:]))
				}
				if r = whole; r != unicode.ReplacementChar {
					s = s[6:]
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, c)
		}
	}
}

// unit returns the number in the four digits of an escape.
func unit(digits []byte) rune {
	var r rune
	for _, c := range digits[:4] {
		if c > '9' {
			c = c | 0x20 - 'a' + 10 + '0'
		}
		r = r<<4 | rune(c-'0')
	}
	return r
}

// outOfRange reports whether no float64 can hold a number, which would surprise the
// code that converts it later. encoding/json rejects it in an any.
func outOfRange(number []byte) bool {
	exponent := false
	for _, c := range number {
		exponent = exponent || c|0x20 == 'e'
	}
	if !exponent && len(number) <= 300 {
		return false
	}
	f, _ := strconv.ParseFloat(string(number), 64)
	return math.IsInf(f, 0)
}
