package bind

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// check runs the rules of all structs that v leads to without passing through
// another struct; from there on the validator follows the tags.
func (b *Binder[T]) check(ctx context.Context, v reflect.Value, path string, src source) (fields []FieldError, err error) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, nil
		}
		v = v.Elem()
	}
	if v.Kind() == reflect.Struct {
		return b.checkStruct(ctx, v, path, src)
	}
	collect := func(v reflect.Value, path string) bool {
		var more []FieldError
		more, err = b.check(ctx, v, path, src)
		fields = append(fields, more...)
		return err == nil
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && collect(v.Index(i), step(path, strconv.Itoa(i))); i++ {
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next() && collect(iter.Value(), step(path, fmt.Sprint(iter.Key()))); {
		}
	}
	return fields, err
}

func (b *Binder[T]) checkStruct(ctx context.Context, v reflect.Value, path string, src source) ([]FieldError, error) {
	target := v.Interface()
	if v.CanAddr() {
		target = v.Addr().Interface() // saves the copy
	}
	err := b.validate.StructCtx(ctx, target)
	if err == nil {
		return nil, nil
	}
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return nil, fmt.Errorf("bind: %w", err)
	}
	// More than enough to choose the first of, in the order of their paths.
	failed = failed[:min(len(failed), 20*maxFields)]
	fields := make([]FieldError, 0, len(failed))
	for _, f := range failed {
		// The namespace starts with the name of the type, which for a generic
		// one has dots and brackets of its own.
		where := f.StructNamespace()
		if name := v.Type().Name(); name != "" {
			where = strings.TrimPrefix(where, name+".")
		}
		param, phrase := about(f)
		fields = append(fields, FieldError{pointer(v, where, path, src), f.Tag(), param, phrase})
	}
	return fields, nil
}

// pointer translates what the validator calls a place, such as
// Items[0].Prices[a.b].Amount, to a JSON pointer in the client's names. Keys of
// maps may hold anything, the characters that separate names included, so the
// value has to be walked to know where one ends.
func pointer(v reflect.Value, where, path string, src source) string {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return path
		}
		v = v.Elem()
	}
	if where == "" {
		return path
	}
	if inside, ok := strings.CutPrefix(where, "["); ok {
		switch v.Kind() {
		case reflect.Slice, reflect.Array:
			index, rest, _ := strings.Cut(inside, "]")
			i, err := strconv.Atoi(index)
			if err != nil || i >= v.Len() {
				return path
			}
			return pointer(v.Index(i), strings.TrimPrefix(rest, "."), step(path, index), src)
		case reflect.Map:
			var best string
			var element reflect.Value
			for iter := v.MapRange(); iter.Next(); {
				key := fmt.Sprint(iter.Key())
				if strings.HasPrefix(inside, key+"]") && (!element.IsValid() || len(key) > len(best)) {
					best, element = key, iter.Value()
				}
			}
			if !element.IsValid() {
				return path
			}
			return pointer(element, strings.TrimPrefix(inside[len(best)+1:], "."), step(path, best), src)
		}
		return path
	}
	if v.Kind() != reflect.Struct {
		return path
	}
	end := strings.IndexAny(where, ".[")
	if end < 0 {
		end = len(where)
	}
	f, ok := v.Type().FieldByName(where[:end])
	if !ok {
		return path
	}
	if !src.promoted(f) {
		name, _ := src.name(f)
		if name == "" {
			name = f.Name // hidden from clients, and still with a rule
		}
		path = step(path, name)
	}
	return pointer(v.FieldByIndex(f.Index), strings.TrimPrefix(where[end:], "."), path, src)
}

// about says what a rule asks for: its parameter, and a phrase in English. The
// parameters that are names of other fields are those of Go, which are none of
// a client's business.
func about(f validator.FieldError) (param, phrase string) {
	tag, param := f.Tag(), f.Param()
	size := func(bound string) string {
		unit := ""
		switch f.Kind() {
		case reflect.String:
			unit = " character"
		case reflect.Slice, reflect.Array, reflect.Map:
			unit = " element"
		}
		switch {
		case unit == "":
			return "must be " + bound + " " + param
		case param != "1":
			unit += "s"
		}
		return "must have " + bound + " " + param + unit
	}
	switch tag {
	case "required":
		return "", "is required"
	case "email":
		return "", "must be an email address"
	case "url", "http_url":
		return "", "must be a URL"
	case "uuid", "uuid4", "uuid_rfc4122", "uuid4_rfc4122":
		return "", "must be a UUID"
	case "unique":
		return "", "must not have the same element twice"
	case "oneof":
		return param, "must be one of: " + param
	case "eq":
		return param, "must be " + param
	case "min", "gte":
		return param, size("at least")
	case "max", "lte":
		return param, size("at most")
	case "len":
		return param, size("exactly")
	case "gt":
		return param, size("more than")
	case "lt":
		return param, size("less than")
	}
	switch {
	case strings.HasPrefix(tag, "required_"):
		return "", "is required"
	case strings.HasPrefix(tag, "excluded_"):
		return "", "must be left out"
	case param == "", strings.HasSuffix(tag, "field"):
		return "", "must satisfy the rule " + tag
	}
	return param, "must satisfy the rule " + tag + "=" + param
}
