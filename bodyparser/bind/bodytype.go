package bind

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/apiece/apiece/internal/fields"
)

// Tags of a request type say where fields come from. All other fields are from
// the body, and no body can set a field with a place, under any name or
// encoding: bodies are decoded into a second type over the same memory, in which
// the field has no name.

// placeTags are the tags that name a place.
var placeTags = []string{"path", "query", "header", "cookie"}

// placeOf returns the place that a field comes from, "" for the body.
func placeOf(f reflect.StructField) (place string, err error) {
	for _, tag := range placeTags {
		value, ok := f.Tag.Lookup(tag)
		name, _, _ := strings.Cut(value, ",")
		switch {
		case !ok:
		case place != "":
			return "", fmt.Errorf("has two places, %s and %s", place, tag)
		case name == "":
			return "", fmt.Errorf("has a %s tag without a name", tag)
		case !f.IsExported():
			return "", fmt.Errorf("has a %s tag, and is not exported", tag)
		default:
			place = tag
		}
	}
	return place, nil
}

// A bodyType is the struct type that bodies are decoded into.
type bodyType struct {
	typ    reflect.Type // has the same memory as the type itself, or is it
	placed []member     // the fields that come from elsewhere, and their names there
	errs   []error
}

// newBodyType prepares the struct type t.
func newBodyType(t reflect.Type) (b bodyType, err error) {
	defer func() {
		if p := recover(); p != nil { // reflect.StructOf has limits
			err = fmt.Errorf("bind: %v cannot have fields from elsewhere than the body: %v", t, p)
		}
	}()
	b.typ = t
	if !b.collect(t, nil, nil) {
		return b, errors.Join(b.errs...)
	}
	if isJSON(t) || isText(t) {
		return b, fmt.Errorf("bind: %v reads its body by itself, which could set the fields that come from elsewhere", t)
	}
	if err := settable(t, fromJSON.Members(t)); err != nil { // hidden in the type of the same memory
		return b, err
	}
	b.typ = hide(t, nil)
	if !sameMemory(b.typ, t) {
		return b, fmt.Errorf("bind: %v cannot have fields from elsewhere than the body", t)
	}
	return b, errors.Join(b.errs...)
}

// collect collects the fields of t that have a place, and refuses tags that
// would have no effect. It reports whether there are any.
func (b *bodyType) collect(t reflect.Type, index []int, around []reflect.Type) (some bool) {
	if slices.Contains(around, t) {
		return false
	}
	around = append(around[:len(around):len(around)], t)
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		place, err := placeOf(f)
		switch {
		case err != nil:
			b.errs = append(b.errs, fmt.Errorf("bind: %v.%s %w", t, f.Name, err))
		case place != "":
			name, _, _ := strings.Cut(f.Tag.Get(place), ",")
			b.placed = append(b.placed, member{Name: name, Field: f, Index: at})
			some = true
		case embeds(f) && f.Type.Kind() == reflect.Struct:
			some = b.collect(f.Type, at, around) || some
		case placesBelow(f.Type, nil):
			b.errs = append(b.errs, fmt.Errorf("bind: in %v.%s are tags for places; only fields of the request itself, and of structs that it embeds by value, can have one", t, f.Name))
		}
	}
	return some
}

// embeds reports whether the fields of f are promoted to the outer struct.
func embeds(f reflect.StructField) bool {
	return f.Anonymous && (fromJSON.Promoted(f) || fromForm.Promoted(f))
}

// placesBelow reports whether a struct that t leads to has tags for places. seen
// are the structs already visited; nil means none.
func placesBelow(t reflect.Type, seen map[reflect.Type]bool) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return !endless(t) && placesBelow(t.Elem(), seen)
	case reflect.Struct:
		if seen[t] || isText(t) {
			return false
		}
		if seen == nil {
			seen = map[reflect.Type]bool{}
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			if place, err := placeOf(f); f.IsExported() && (place != "" || err != nil) || placesBelow(f.Type, seen) {
				return true
			}
		}
	}
	return false
}

// hide returns a type of the same memory in which fields with a place have no
// names.
func hide(t reflect.Type, around []reflect.Type) reflect.Type {
	if slices.Contains(around, t) {
		panic("it embeds itself")
	}
	around = append(around[:len(around):len(around)], t)
	fields := make([]reflect.StructField, t.NumField())
	for i := range fields {
		f := t.Field(i)
		switch place, _ := placeOf(f); {
		case place != "":
			f.Anonymous, f.Tag = false, `json:"-" schema:"-"`
		case embeds(f):
			// reflect.StructOf embeds neither methods nor unexported fields.
			if f.Type.Kind() == reflect.Pointer {
				f.Type = reflect.PointerTo(hide(f.Type.Elem(), around))
			} else {
				f.Type = hide(f.Type, around)
			}
			f.Name, f.PkgPath = "Embedded"+strconv.Itoa(i), ""
		default:
			f.Anonymous = false
		}
		fields[i] = f
	}
	return reflect.StructOf(fields)
}

// sameMemory reports whether two struct types have their fields at the same
// offsets.
func sameMemory(a, b reflect.Type) bool {
	if a.Size() != b.Size() || a.NumField() != b.NumField() {
		return false
	}
	for i := range a.NumField() {
		f, g := a.Field(i), b.Field(i)
		if f.Offset != g.Offset || f.Type != g.Type && !sameMemory(fields.Deref(f.Type), fields.Deref(g.Type)) {
			return false
		}
	}
	return true
}

// over returns the struct v, or the pointer to one, as a pointer to the bodyType over
// the same memory.
func (b bodyType) over(v reflect.Value) any {
	t := b.typ
	for p := v.Type(); p.Kind() == reflect.Pointer; p = p.Elem() {
		t = reflect.PointerTo(t)
	}
	return reflect.NewAt(t, unsafe.Pointer(v.UnsafeAddr())).Interface()
}
