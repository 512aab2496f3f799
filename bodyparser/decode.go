package bodyparser

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"sync"
)

// decode decodes text, which is the body or what stands for an empty one. All ways
// begin with a check of the whole, which comes at the end where the decoder finds
// most of what is wrong by itself.
func (b *Body) decode(text []byte, dst any) error {
	s := b.settings
	if s.Unmarshal != nil {
		if !b.checked { // a decoder of another make may stop behind the first value
			if err := s.checkJSON(text); err != nil {
				return err
			}
		}
		return misfit(s.Unmarshal(text, dst))
	}
	t := reflect.TypeOf(dst)
	if t == nil || t.Kind() != reflect.Pointer || reflect.ValueOf(dst).IsNil() {
		return errPointer // which no client can help
	}
	if done, err := s.decodeTree(text, dst); done {
		return err
	}
	if hasAny(t) {
		sc := s.scanner(text)
		sc.ranged = true
		if _, err := sc.text(); err != nil {
			return err
		}
		return misfit(unmarshalNumbers(text, dst))
	}
	if !b.checked {
		if err := s.checkBounds(text); err != nil {
			return err
		}
	}
	err := unmarshal(text, dst)
	if err != nil && !b.checked {
		if syntax := s.checkJSON(text); syntax != nil {
			return syntax // which knows the place
		}
	}
	return misfit(err)
}

var errPointer = errors.New("bodyparser: Decode needs a pointer that is not nil")

// misfit says that the value is not one for the destination.
func misfit(err error) error {
	if err == nil {
		return nil
	}
	return refuse(http.StatusBadRequest, invalidBody, err)
}

// decodeTree decodes into a destination that has no type of its own and nothing
// in it yet. Of the others it reports false.
func (s *settings) decodeTree(text []byte, dst any) (done bool, err error) {
	var v any
	switch dst := dst.(type) {
	case *any:
		if done = *dst == nil; done {
			if v, err = s.value(text); err == nil {
				*dst = v
			}
		}
	case *map[string]any:
		if done = *dst == nil && begins(text, '{'); done {
			if v, err = s.value(text); err == nil {
				*dst = v.(map[string]any)
			}
		}
	case *[]any:
		if done = *dst == nil && begins(text, '['); done {
			if v, err = s.value(text); err == nil {
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

// hasAny reports whether values of the type lead to an any, in which numbers keep
// their digits.
func hasAny(t reflect.Type) bool {
	if known, ok := anys.Load(t); ok {
		return known.(bool)
	}
	found := findAny(t, make(map[reflect.Type]bool))
	anys.Store(t, found)
	return found
}

// anys holds what hasAny has found out, as encoding/json holds what it knows
// about types.
var anys sync.Map // reflect.Type -> bool

func findAny(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	kind := t.Kind()
	if p := reflect.PointerTo(t); kind != reflect.Pointer && kind != reflect.Interface && (p.Implements(jsonUnmarshaler) || p.Implements(textUnmarshaler)) {
		return false // what it makes of the text is its own business
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
