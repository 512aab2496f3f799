package bind

import (
	"reflect"

	"github.com/go-playground/validator/v10"
)

// A validator does not tell what was registered with it. The code here reads
// what determines the rules of a field, without changing it: the key of its
// tags, its aliases, and rules that were registered for a type. If a release
// renames them, New tries fewer rules, and a test fails.

// A registry reads the registrations of a validator.
type registry struct{ v reflect.Value }

func registered(v *validator.Validate) registry { return registry{reflect.ValueOf(v).Elem()} }

// tagName returns the key of the tags that hold the rules.
func (r registry) tagName() string {
	if name := r.v.FieldByName("tagName"); name.Kind() == reflect.String {
		return name.String()
	}
	return "validate"
}

// private reports whether unexported fields have rules too.
func (r registry) private() bool {
	set := r.v.FieldByName("privateFieldValidation")
	return set.Kind() == reflect.Bool && set.Bool()
}

// alias returns the rules of an alias.
func (r registry) alias(name string) (rules string, ok bool) {
	return lookup(r.v.FieldByName("aliases"), reflect.ValueOf(name))
}

// rules returns the rules of a field of t.
func (r registry) rules(t reflect.Type, f reflect.StructField) string {
	if ofType := r.v.FieldByName("rules"); ofType.Kind() == reflect.Map {
		if own, ok := lookup(ofType.MapIndex(reflect.ValueOf(t)), reflect.ValueOf(f.Name)); ok {
			return own
		}
	}
	return f.Tag.Get(r.tagName())
}

// lookup returns the text for a key in a map of texts.
func lookup(m, key reflect.Value) (string, bool) {
	if m.Kind() != reflect.Map {
		return "", false
	}
	value := m.MapIndex(key)
	return value.String(), value.Kind() == reflect.String
}
