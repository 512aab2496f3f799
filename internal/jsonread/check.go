// Package jsonread checks and decodes the JSON that clients send.
//
// A text is checked before it is decoded. The scanner accepts exactly what
// encoding/json accepts as one value, if it is valid UTF-8, is not nested too deeply
// and has not too many values; it builds nothing unless asked to, so the cost of a
// hostile text does not depend on the decoder.
package jsonread

import (
	"bytes"
	"errors"
	"math"
	"unicode/utf8"
)

// Limits that a valid text can exceed.
var (
	ErrValues = errors.New("more values than Config.MaxValues allows")
	ErrRange  = errors.New("a number that no float64 can hold")

	ErrDepth     = errors.New("nested too deeply")
	ErrDuplicate = errors.New("the same key twice")
)

// maxDepth is where encoding/json stops. It also bounds the stack of the recursive
// scanner.
const maxDepth = 10_000

// Rules say what is accepted besides the grammar.
type Rules struct {
	MaxDepth  int  // levels of arrays and objects; negative is the limit of encoding/json
	MaxValues int  // values in all; negative disables it
	Unique    bool // no duplicate key in an object, ignoring case
	Strict    bool // for [Decode]: no field that the struct does not have
	Checked   bool // for [Decode]: Check has succeeded
}

// A Fault says what is wrong with a text, and where.
type Fault struct {
	Err    error
	Offset int64
}

func (f *Fault) Error() string { return f.Err.Error() }
func (f *Fault) Unwrap() error { return f.Err }

// Check returns the [*Fault] of a text, or nil.
func Check(text []byte, rules Rules) error {
	s := rules.scanner(text)
	_, err := s.text()
	return err
}

func (r Rules) scanner(text []byte) scanner {
	s := scanner{data: text, depth: r.depth(), values: r.MaxValues, unique: r.Unique}
	if r.MaxValues < 0 {
		s.values = math.MaxInt
	}
	return s
}

// checkBounds is the part of Check that must run before a decoder that detects syntax
// errors itself. The number of opening brackets bounds the depth, and together with the
// number of commas the number of values. Counting is many times faster than matching
// brackets, so most texts are not scanned at all.
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

// deeper reports whether brackets nest deeper than depth. It only tracks strings: other
// syntax errors are left to the decoder.
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
					i++ // and the escaped byte, perhaps a quote
				}
				i++
			}
		}
	}
	return false
}

// mayHaveMore reports whether there may be too many values: the first, and one after
// each bracket and comma.
func (r Rules) mayHaveMore(text []byte, brackets int) bool {
	if r.MaxValues < 0 || len(text)/2 < r.MaxValues { // each takes two bytes
		return false
	}
	return 1+brackets+bytes.Count(text, []byte{','}) > r.MaxValues
}

func (r Rules) depth() int {
	if r.MaxDepth < 0 {
		return maxDepth
	}
	return min(r.MaxDepth, maxDepth)
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
