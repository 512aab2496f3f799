package bind

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/internal/fields"
	"github.com/apiece/apiece/internal/jsonread"
)

// Optional is a field of a PATCH request: it distinguishes a field that the
// client left out, cleared, or set.
//
//	type change struct {
//		Nick bind.Optional[string] `json:"nick,omitzero" validate:"omitempty,max=20"`
//	}
//
//	{}               Set is false                leave it as it is
//	{"nick": null}   Set and Null are true       clear it
//	{"nick": ""}     Set is true, Value is ""    set it
//
// In forms and queries a field that is named and left empty is null, since a
// page cannot say it otherwise. This includes strings.
//
// Rules apply to the value, as for a pointer: after omitempty only if there is
// one, and required refuses a field that is left out or null. A dive applies to
// lists and maps in it.
//
// In a type with endlessly nested Optionals, JSON that nests more than 64 levels
// is 400: each Optional reads its content again.
//
// The zero Optional is a field left out. JSON omits it with the option omitzero,
// and has null without it.
type Optional[T any] struct {
	// Value is what the client sent, or zero after nothing or null.
	Value T

	// Set reports whether the client named the field.
	Set bool

	// Null reports whether the client cleared the field.
	Null bool
}

// Apply applies the client's change to dst: keeps, clears, or sets it.
func (o Optional[T]) Apply(dst *T) {
	if o.Set {
		*dst = o.Value
	}
}

// IsZero reports whether the client left the field out. The option omitzero of
// encoding/json calls it.
func (o Optional[T]) IsZero() bool { return !o.Set }

// MarshalJSON returns the value, or null if there is none.
func (o Optional[T]) MarshalJSON() ([]byte, error) {
	if !o.Set || o.Null {
		return []byte("null"), nil
	}
	return json.Marshal(o.Value)
}

// UnmarshalJSON accepts null, or a value.
func (o *Optional[T]) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*o = Optional[T]{Set: true, Null: true}
		return nil
	}
	var value T // numbers in it keep their digits, as everywhere in package bind
	if err := jsonread.Decode(text, &value, jsonread.Rules{MaxDepth: -1, MaxValues: -1, Checked: true}); err != nil {
		return err
	}
	*o = Optional[T]{Value: value, Set: true}
	return nil
}

// pointer returns what rules see: a pointer to the value, nil if there is none.
func (o Optional[T]) pointer() any {
	if !o.Set || o.Null {
		return (*T)(nil)
	}
	return &o.Value
}

// optional is implemented by every Optional, and by structs that embed one.
type optional interface{ pointer() any }

// isOptional reports whether t is an Optional.
func isOptional(t reflect.Type) bool {
	_, ok := fields.Optional(t)
	return ok
}

// registerOptionals registers the Optionals below t with the validator, unless it
// knows them. An Optional of an Optional is an error: no client can express it.
func registerOptionals(v *validator.Validate, t reflect.Type) error {
	for _, o := range optionals(t, map[reflect.Type]bool{}) {
		if of, _ := fields.Optional(o); isOptional(derefPointers(of)) {
			return fmt.Errorf("bind: %v is an Optional of an Optional; one says all that a client can", o)
		}
		value := reflect.New(o).Elem()
		value.FieldByName("Set").SetBool(true)
		if seen := ruleValue(v, value); seen == nil || reflect.TypeOf(seen) == o {
			v.RegisterCustomTypeFunc(func(field reflect.Value) any { return field.Interface().(optional).pointer() }, value.Interface())
		}
	}
	return nil
}

// holdsItself reports whether an Optional in t may hold one of its own type.
func holdsItself(t reflect.Type) bool {
	return slices.ContainsFunc(optionals(t, map[reflect.Type]bool{}), func(o reflect.Type) bool {
		of, _ := fields.Optional(o)
		return slices.Contains(optionals(of, map[reflect.Type]bool{}), o)
	})
}

// optionals returns the types of the Optionals in t.
func optionals(t reflect.Type, around map[reflect.Type]bool) (all []reflect.Type) {
	if around[t] {
		return nil
	}
	around[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return optionals(t.Elem(), around)
	case reflect.Map:
		return append(optionals(t.Key(), around), optionals(t.Elem(), around)...)
	case reflect.Struct:
		if _, ok := fields.Optional(t); ok {
			all = append(all, t)
		}
		for i := range t.NumField() {
			all = append(all, optionals(t.Field(i).Type, around)...)
		}
	}
	return all
}
