package bind

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-playground/validator/v10"

	"github.com/apiece/apiece/internal/problem"
)

// maxCollected is how many failures are collected before the first maxFields of them
// are chosen, in the order of their paths.
const maxCollected = 20 * maxFields

// validateValue runs the rules of all structs that v leads to without passing through
// another struct; from there on the validator follows the tags. It stops after
// maxCollected failures.
func (b *Binder[T]) validateValue(ctx context.Context, v reflect.Value, path string, src source) (fields []FieldError, err error) {
	for v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil, nil
		}
		v = v.Elem()
	}
	if isOptional(v.Type()) {
		return b.validateValue(ctx, v.FieldByName("Value"), path, src)
	}
	if v.Kind() == reflect.Struct && !isTime(v.Type()) {
		return b.validateStruct(ctx, v, path, src)
	}
	collect := func(v reflect.Value, path string) bool {
		var more []FieldError
		more, err = b.validateValue(ctx, v, path, src)
		fields = append(fields, more...)
		return err == nil && len(fields) < maxCollected
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		for i := 0; i < v.Len() && collect(v.Index(i), joinPointer(path, strconv.Itoa(i))); i++ {
		}
	case reflect.Map:
		for iter := v.MapRange(); iter.Next() && collect(iter.Value(), joinPointer(path, keyName(iter.Key()))); {
		}
	}
	return fields, err
}

func (b *Binder[T]) validateStruct(ctx context.Context, v reflect.Value, path string, src source) ([]FieldError, error) {
	var target any
	if v.CanAddr() {
		target = v.Addr().Interface() // avoids a copy
	} else {
		target = v.Interface()
	}
	err := b.callValidator(ctx, target)
	if err == nil {
		return nil, nil // before anything is allocated
	}
	var failed validator.ValidationErrors
	if !errors.As(err, &failed) {
		return nil, err
	}
	// Finding the place of a failure costs more than the failure, so they are
	// chosen first, in the order of Go's names.
	failed = failed[:min(len(failed), maxCollected)]
	slices.SortStableFunc(failed, func(a, b validator.FieldError) int {
		return cmp.Or(cmp.Compare(a.StructNamespace(), b.StructNamespace()), cmp.Compare(a.Tag(), b.Tag()))
	})
	failed = failed[:min(len(failed), maxFields)]
	finder := pointerFinder{src: src}
	fields := make([]FieldError, 0, len(failed))
	for _, f := range failed {
		// The namespace starts with the name of the type. That of a generic
		// type contains dots and brackets.
		where := f.StructNamespace()
		if name := v.Type().Name(); name != "" {
			where = strings.TrimPrefix(where, name+".")
		}
		in, at := finder.find(v, where, path)
		param, phrase := messageOf(f, finder.within, src)
		fields = append(fields, FieldError{In: in, Path: at, Rule: f.Tag(), Param: param, Message: phrase, Kind: f.Kind()})
	}
	return fields, nil
}

// callValidator runs the validator on one struct. The validator panics where a rule does
// not fit its value, which New finds except for a field that is an any: the rules
// do not fit what the type lets a client send. That is a fault of the service, as
// is a panic in a custom rule, and would abort the connection. The field and the
// stack are logged.
func (b *Binder[T]) callValidator(ctx context.Context, target any) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			p := problem.NewPanic(v)
			err = fmt.Errorf("bind: the rules of %s panicked: %v", b.panickingField(ctx, target), p)
		}
	}()
	if err = b.validator.StructCtx(ctx, target); err != nil {
		err = fmt.Errorf("bind: %w", err)
	}
	return err
}

// panickingField returns the field whose rules panic, in the validator's notation, or
// else the type. The validator reports which field comes next, so it is called
// again; and once more without that field, since a function for the whole
// struct runs after all fields.
func (b *Binder[T]) panickingField(ctx context.Context, target any) string {
	next := ""
	panics := func(without string) bool {
		_, panicked := catch(func() error {
			return b.validator.StructFilteredCtx(ctx, target, func(field []byte) bool {
				next = string(field)
				return next == without
			})
		})
		return panicked != nil
	}
	if panics("") && next != "" {
		if field := next; !panics(field) {
			return field
		}
	}
	return fmt.Sprintf("%T", target)
}
