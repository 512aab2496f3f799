package bind

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-playground/validator/v10"
)

// The validator reads the tags of a struct when it first meets a value of it,
// and panics there and then if one is wrong: in the middle of a request, and
// only for the request that fills the list or the map in which the struct is.
// So every struct that a type leads to is tried when a service starts.

// checkTags tries the rules of t and of everything below it.
func checkTags(v *validator.Validate, t reflect.Type) error {
	var errs []error
	for _, s := range structs(t, nil) {
		// The zero value meets tags that do not exist. A filled one meets those
		// that exist and cannot be applied to their field.
		for _, sample := range []reflect.Value{reflect.New(s), sample(s, 0).Addr()} {
			if err := try(v, sample.Interface()); err != nil {
				errs = append(errs, fmt.Errorf("bind: %v: %w", s, err))
				break
			}
		}
	}
	return errors.Join(errs...)
}

// try validates a made-up value, which may fail but must not panic. Only what
// the validator says about a tag counts: a rule of the service's own may have
// reasons to panic about a value that no request could bring.
func try(v *validator.Validate, sample any) (err error) {
	defer func() {
		text, ok := recover().(string)
		if ok && (strings.HasPrefix(text, "Bad field type") || strings.HasPrefix(text, "strconv.") || strings.Contains(text, "validation")) {
			err = errors.New(text)
		}
	}()
	_ = v.Struct(sample)
	return nil
}

// structs returns the struct types that values of type t may hold.
func structs(t reflect.Type, found []reflect.Type) []reflect.Type {
	if endless(t) {
		return found
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return structs(t.Elem(), found)
	case reflect.Map:
		return structs(t.Elem(), structs(t.Key(), found))
	case reflect.Struct:
		if slices.Contains(found, t) || isText(t) {
			return found
		}
		found = append(found, t)
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() || f.Anonymous {
				found = structs(f.Type, found)
			}
		}
	}
	return found
}

// sample returns a value of the type in which nothing is empty, down to a depth
// that ends types which hold themselves.
func sample(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if depth > 4 {
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(sample(t.Elem(), depth).Addr())
	case reflect.Slice:
		v.Set(reflect.Append(v, sample(t.Elem(), depth+1)))
	case reflect.Array:
		for i := range min(v.Len(), 1) {
			v.Index(i).Set(sample(t.Elem(), depth+1))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		if key := sample(t.Key(), depth+1); key.Comparable() {
			v.SetMapIndex(key, sample(t.Elem(), depth+1))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if v.Field(i).CanSet() {
				v.Field(i).Set(sample(t.Field(i).Type, depth+1))
			}
		}
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		v.SetUint(1)
	case reflect.Float32, reflect.Float64:
		v.SetFloat(1)
	}
	return v
}
