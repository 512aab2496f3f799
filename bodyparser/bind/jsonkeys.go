package bind

import (
	"encoding"
	"encoding/json"
	"reflect"
)

// plainKeys reports whether the keys of a map are the names themselves.
func plainKeys(t reflect.Type) bool { return t.Key().Kind() == reflect.String && !isText(t.Key()) }

const twoNames = "is given under two names"

// keyOf returns the key that encoding/json makes of a name in a map of type t.
func keyOf(name string, t reflect.Type) (key reflect.Value, ok bool) {
	text, _ := json.Marshal(map[string]any{name: nil})
	one := reflect.New(t)
	if json.Unmarshal(text, one.Interface()) != nil || one.Elem().Len() != 1 {
		return key, false
	}
	return one.Elem().MapKeys()[0], true
}

// A keySet finds names that are the same key in a map of its type, which no check
// of the text alone finds. The zero keySet finds none.
type keySet struct {
	typ  reflect.Type
	seen map[any]bool
}

func (c *codec) keysOf(t reflect.Type) keySet {
	if !c.rules.Unique || plainKeys(t) {
		return keySet{}
	}
	return keySet{t, map[any]bool{}}
}

// twice reports whether the key of this name occurred before.
func (s keySet) twice(name string) bool {
	if s.seen == nil {
		return false
	}
	key, ok := keyOf(name, s.typ)
	if !ok || s.seen[key.Interface()] {
		return ok
	}
	s.seen[key.Interface()] = true
	return false
}

// fitsKey reports whether a name is valid in a map with such keys.
func fitsKey(name string, t reflect.Type) bool {
	if isText(t) {
		u, _ := reflect.New(t).Interface().(encoding.TextUnmarshaler)
		return u != nil && u.UnmarshalText([]byte(name)) == nil
	}
	return t.Kind() == reflect.String || fits(name, t) == nil && name != "null"
}
