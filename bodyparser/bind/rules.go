package bind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"
)

// enough is how many failures are collected before the first maxFields of them
// are chosen, in the order of their paths.
const enough = 20 * maxFields

// check runs the rules of all structs that v leads to without passing through
// another struct; from there on the validator follows the tags. No more of them
// are asked once there are enough failures.
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
		return err == nil && len(fields) < enough
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
	var target any
	if v.CanAddr() {
		target = v.Addr().Interface() // saves the copy
	} else {
		target = v.Interface()
	}
	err := b.obeys(ctx, target)
	if err == nil {
		return nil, nil // before there is anything to allocate
	}
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return nil, err
	}
	// Finding the place of a failure costs more than the failure, so they are
	// chosen before. The order is that of Go's names, which is as good.
	failed = failed[:min(len(failed), enough)]
	slices.SortStableFunc(failed, func(a, b validator.FieldError) int {
		return cmp.Or(cmp.Compare(a.StructNamespace(), b.StructNamespace()), cmp.Compare(a.Tag(), b.Tag()))
	})
	failed = failed[:min(len(failed), maxFields)]
	places := places{src: src}
	fields := make([]FieldError, 0, len(failed))
	for _, f := range failed {
		// The namespace starts with the name of the type, which for a generic
		// one has dots and brackets of its own.
		where := f.StructNamespace()
		if name := v.Type().Name(); name != "" {
			where = strings.TrimPrefix(where, name+".")
		}
		param, phrase := about(f)
		in, at := places.find(v, where, path)
		fields = append(fields, FieldError{In: in, Path: at, Rule: f.Tag(), Param: param, Message: phrase})
	}
	return fields, nil
}

// obeys asks the validator about one struct. Where a field is an any, or a list
// may hold null, a client can send what a rule was not made for, and the
// validator panics about it. That is a value of the wrong type, as it would be
// in a field of a type. Any other panic is a fault of the service, and would
// take the connection down; its stack is for the log.
func (b *Binder[T]) obeys(ctx context.Context, target any) (err error) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		cause := fmt.Errorf("bind: the validator panicked: %v", p)
		if unfit(p) {
			err = wrong(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "has a value of the wrong type"}}, cause)
		} else {
			err = fmt.Errorf("%w\n%s", cause, debug.Stack())
		}
	}()
	if err = b.validate.StructCtx(ctx, target); err != nil {
		err = fmt.Errorf("bind: %w", err)
	}
	return err
}

// unfit reports whether the validator has panicked about a value. It is called
// while the panic is recovered from: the same panic in a rule that the service
// has registered is a fault of that rule, and only the stack tells the two
// apart.
func unfit(p any) bool {
	switch p := p.(type) {
	case string:
		for _, words := range []string{"Bad field type", "Bad field name provided", "dive error"} {
			if strings.HasPrefix(p, words) {
				return true
			}
		}
		if !strings.HasPrefix(p, "reflect") {
			return false
		}
	case runtime.Error, *reflect.ValueError:
	default:
		return false
	}
	own := reflect.TypeFor[validator.Validate]().PkgPath() + "."
	var stack [64]uintptr
	frames := runtime.CallersFrames(stack[:runtime.Callers(1, stack[:])])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case !panicking, strings.HasPrefix(f.Function, "runtime."), strings.HasPrefix(f.Function, "reflect."):
		default:
			return strings.HasPrefix(f.Function, own)
		}
		if !more {
			return false
		}
	}
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
