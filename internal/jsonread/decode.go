package jsonread

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
)

// Decode decodes a text into dst as encoding/json does, except for numbers that end up
// in an any, anywhere in dst: they become json.Number and lose no digits, and one that
// is too large for a float64 is a fault. A fault of the text is a [*Fault], an invalid
// dst is [ErrPointer], and any other error is the decoder's: a value that does not fit.
//
// The whole text is checked first, or last if the decoder finds most faults itself.
func Decode(text []byte, dst any, rules Rules) error {
	t := reflect.TypeOf(dst)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(dst).IsNil() {
		return ErrPointer
	}
	if done, err := decodeTree(text, dst, rules); done {
		return err
	}
	if untyped := hasAny(t); untyped || rules.Strict {
		// The code below reads a stream, in which the text must be one value.
		if untyped || !rules.Checked {
			s := rules.scanner(text)
			s.ranged = untyped
			if _, err := s.text(); err != nil {
				return err
			}
		}
		return unmarshalStream(text, dst, rules.Strict)
	}
	if !rules.Checked {
		if err := checkBounds(text, rules); err != nil {
			return err
		}
	}
	err := unmarshal(text, dst)
	if err != nil && !rules.Checked {
		if fault := Check(text, rules); fault != nil {
			return fault // it knows the position
		}
	}
	return err
}

// Stream decodes a text that is one value, and known to be valid, as a json.Decoder
// does that uses json.Number, and with strict disallows unknown fields.
func Stream(text []byte, dst any, strict bool) error { return unmarshalStream(text, dst, strict) }

// ErrPointer is an error of the program, not of the client.
var ErrPointer = errors.New("a destination that is not a pointer, or nil")

// decodeTree decodes into an untyped, empty destination. It reports false for any
// other.
func decodeTree(text []byte, dst any, rules Rules) (done bool, err error) {
	var v any
	switch dst := dst.(type) {
	case *any:
		if done = *dst == nil; done {
			if v, err = Value(text, rules); err == nil {
				*dst = v
			}
		}
	case *map[string]any:
		if done = *dst == nil && begins(text, '{'); done {
			if v, err = Value(text, rules); err == nil {
				*dst = v.(map[string]any)
			}
		}
	case *[]any:
		if done = *dst == nil && begins(text, '['); done {
			if v, err = Value(text, rules); err == nil {
				*dst = v.([]any)
			}
		}
	}
	return done, err
}

func begins(text []byte, bracket byte) bool {
	text = bytes.TrimLeft(text, " \t\r\n")
	return len(text) > 0 && text[0] == bracket
}

// hasAny reports whether the type contains an any, in which numbers keep their digits.
func hasAny(t reflect.Type) bool {
	if known, ok := anys.Load(t); ok {
		return known.(bool)
	}
	found := findAny(t, make(map[reflect.Type]bool))
	anys.Store(t, found)
	return found
}

// anys caches the results of hasAny, as encoding/json caches what it knows about types.
var anys sync.Map // reflect.Type -> bool

func findAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	kind := t.Kind()
	if p := reflect.PointerTo(t); kind != reflect.Pointer && kind != reflect.Interface && (p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler)) {
		return false // it decodes the text itself
	}
	switch kind {
	case reflect.Interface:
		return t.NumMethod() == 0
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return findAny(t.Elem(), seen)
	case reflect.Struct:
		for f := range t.Fields() {
			if (f.IsExported() || f.Anonymous) && findAny(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)
