package bind

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gorilla/schema"
)

// A formType is a struct type made ready for forms.
type formType struct {
	typ     reflect.Type
	decoder *schema.Decoder
	members map[reflect.Type][]member
}

// newFormType prepares t. The error is about types that gorilla/schema would
// decode wrongly, or not survive.
func newFormType(t reflect.Type) (*formType, error) {
	f := &formType{typ: t, decoder: schema.NewDecoder(), members: map[reflect.Type][]member{}}
	f.decoder.MaxSize(maxIndex)
	return f, f.prepare(t)
}

// prepare finds the members of all structs below t.
func (f *formType) prepare(t reflect.Type) error {
	t = deref(t)
	if isText(t) {
		return nil
	}
	if t.Kind() == reflect.Slice {
		return f.prepare(t.Elem())
	}
	if _, done := f.members[t]; done || t.Kind() != reflect.Struct {
		return nil
	}
	f.members[t] = fromForm.members(t)
	errs := []error{checkFields(t)}
	for _, m := range f.members[t] {
		errs = append(errs, f.prepare(m.field.Type))
	}
	return errors.Join(errs...)
}

// checkFields looks for what gorilla/schema does not tell: it takes the first
// of two fields with one name, capitals or not, takes a required field for
// given if the name of another begins with its own, and allocates what is
// embedded, without asking whether it may or whether it will come to an end.
func checkFields(t reflect.Type) error {
	var errs []error
	complain := func(f reflect.StructField, what string) {
		errs = append(errs, fmt.Errorf("bind: %v.%s %s", t, f.Name, what))
	}
	names := map[string]string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options := schemaName(f)
		if name == "-" {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Pointer && deref(f.Type).Kind() == reflect.Struct {
			if !f.IsExported() {
				complain(f, "embeds a pointer to an unexported struct, which a form cannot fill")
			}
			if endless(t, nil) {
				complain(f, "embeds a struct that embeds its parent, which a form cannot fill")
			}
		}
		if slices.Contains(options, "required") {
			complain(f, `is required by its schema tag; use validate:"required"`)
		}
		if other, taken := names[strings.ToLower(name)]; taken {
			complain(f, "has the name of "+other+" in a form; give one of them a schema tag")
		}
		names[strings.ToLower(name)] = f.Name
	}
	return errors.Join(errs...)
}

// endless reports whether a value of t, with all that it embeds allocated,
// would have no end.
func endless(t reflect.Type, around []reflect.Type) bool {
	if slices.Contains(around, t) {
		return true
	}
	around = append(around[:len(around):len(around)], t)
	for i := range t.NumField() {
		f := t.Field(i)
		inside := f.Type.Kind() == reflect.Struct || f.Anonymous && deref(f.Type).Kind() == reflect.Struct
		if inside && endless(deref(f.Type), around) {
			return true
		}
	}
	return false
}

// schemaName returns what gorilla/schema calls a field.
func schemaName(f reflect.StructField) (name string, options []string) {
	parts := strings.Split(f.Tag.Get("schema"), ",")
	return cmp.Or(parts[0], f.Name), parts[1:]
}
