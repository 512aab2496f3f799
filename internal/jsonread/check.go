// Package jsonread checks and decodes the JSON that clients send.
//
// A text is looked at before anything decodes it. The scanner accepts exactly what
// encoding/json accepts as one value, if it is valid UTF-8, does not nest too
// deeply and has not too many values; it builds nothing unless it is asked to, so
// that what a hostile text costs does not depend on the decoder.
package jsonread

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"
)

// What a text can have too much of, apart from what makes it no JSON.
var (
	ErrValues = errors.New("more values than Config.Values allows")
	ErrRange  = errors.New("a number that no float64 can hold")

	ErrDepth     = errors.New("nested too deeply")
	ErrDuplicate = errors.New("the same key twice")
)

// maxDepth is where encoding/json stops, and the stack of a recursive scanner
// with it.
const maxDepth = 10_000

// Rules say what is accepted besides the grammar.
type Rules struct {
	Depth   int  // levels of arrays and objects; negative is what encoding/json takes
	Values  int  // values in all; negative is any number
	Unique  bool // no key twice in an object, in whatever case
	Strict  bool // for [Decode]: no field that a struct does not have
	Checked bool // for [Decode]: Check has found nothing wrong
}

// A Fault says what is wrong with a text, and where.
type Fault struct {
	Err    error
	Offset int64
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Check returns what is wrong with a text, a [*Fault], or nil.
func Check(text []byte, rules Rules) error {
	s := rules.scanner(text)
	_, err := s.text()
	return err
}

func (r Rules) scanner(text []byte) scanner {
	s := scanner{data: text, depth: r.depth(), values: r.Values, unique: r.Unique}
	if r.Values < 0 {
		s.values = math.MaxInt
	}
	return s
}

// checkBounds is the part of Check that has to come before a decoder which finds
// syntax errors itself. The number of opening brackets bounds the depth, and with
// that of commas the number of values, and they are counted many times faster than
// brackets are matched, so that most texts are not scanned at all.
func checkBounds(text []byte, rules Rules) error {
	if rules.Unique {
		return Check(text, rules)
	}
	if !utf8.Valid(text) {
		return &Fault{errNotUTF8, int64(invalidUTF8(text))}
	}
	brackets := bytes.Count(text, []byte{'['}) + bytes.Count(text, []byte{'{'})
	if rules.mayHaveMore(text, brackets) || brackets > rules.depth() && deeper(text, rules.depth()) {
		return Check(text, rules)
	}
	return nil
}

// deeper reports whether brackets nest deeper than depth. It follows strings and
// nothing else: a text that is not JSON otherwise is the decoder's to refuse.
func deeper(data []byte, depth int) bool {
	level := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '[', '{':
			if level++; level > depth {
				return true
			}
		case ']', '}':
			level--
		case '"':
			for i = plainText(data, i+1); i < len(data) && data[i] != '"'; i = plainText(data, i) {
				if data[i] == '\\' {
					i++ // and what it escapes, perhaps a quote
				}
				i++
			}
		}
	}
	return false
}

// mayHaveMore reports whether there may be too many values: the first, and one
// behind each bracket and comma.
func (r Rules) mayHaveMore(text []byte, brackets int) bool {
	if r.Values < 0 || len(text)/2 < r.Values { // each takes two bytes
		return false
	}
	return 1+brackets+bytes.Count(text, []byte{','}) > r.Values
}

func (r Rules) depth() int {
	if r.Depth < 0 {
		return maxDepth
	}
	return min(r.Depth, maxDepth)
}

func invalidUTF8(data []byte) int {
	for i := 0; i < len(data); {
		r, n := utf8.DecodeRune(data[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return len(data)
}
