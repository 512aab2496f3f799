package openapi

import (
	"cmp"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bodyparser/upload"
)

// namer names types like huma, with a number for another type of the same name.
func namer() func(t reflect.Type, hint string) string {
	names, types := map[reflect.Type]string{}, map[string]reflect.Type{}
	return func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		base := cmp.Or(strings.Map(inName, huma.DefaultSchemaNamer(t, hint)), "Type")
		if t.Name() == "" {
			return base
		}
		name, ok := names[t]
		for n := 2; !ok; n++ {
			if name = base; n > 2 {
				name += strconv.Itoa(n - 1)
			}
			if _, taken := types[name]; !taken {
				names[t], types[name], ok = name, t, true
			}
		}
		return name
	}
}

// inName drops what OpenAPI does not allow in the name of a schema: a type of a
// function has a middle dot in its name if it is an argument of another.
func inName(r rune) rune {
	if strings.ContainsRune("._-", r) || r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return -1
}

// optionals tells the registry of each bind.Optional that a type leads to: it is its
// value or null.
func (d document) optionals(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		d.optionals(t.Elem(), seen)
	case reflect.Struct:
		if t.PkgPath() == reflect.TypeFor[bind.Optional[int]]().PkgPath() && strings.HasPrefix(t.Name(), "Optional[") {
			d.schemas.RegisterTypeAlias(t, reflect.PointerTo(t.Field(0).Type))
		}
		for i := range t.NumField() {
			d.optionals(t.Field(i).Type, seen)
		}
	}
}

// request describes the parts of a request.
func (d document) request(op *huma.Operation, in reflect.Type, fromQuery bool) {
	if in.Kind() != reflect.Struct {
		op.RequestBody = &huma.RequestBody{Required: true, Content: media("application/json", d.reference(in))}
		return
	}
	contentType := "application/json"
	var rest []reflect.StructField
	for _, f := range reflect.VisibleFields(in) {
		place, name := placeOf(f)
		switch {
		case !f.IsExported() || f.Anonymous:
		case place != "":
			d.parameter(op, f, place, name)
		case fromQuery:
			if name := fieldName(f, "schema", "json"); name != "" && !slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.Name == name }) {
				d.parameter(op, f, "query", name)
			}
		default:
			if t := f.Type; t == file || t.Kind() == reflect.Slice && t.Elem() == file {
				contentType = "multipart/form-data"
			}
			rest = append(rest, f)
		}
	}
	if len(rest) == 0 {
		return
	}
	var schema *huma.Schema
	if len(rest) == in.NumField() && contentType == "application/json" {
		schema = d.reference(in)
	} else {
		schema = d.object(rest)
	}
	op.RequestBody = &huma.RequestBody{Required: true, Content: media(contentType, schema)}
}

var file = reflect.TypeFor[upload.File]()

// object describes fields as an object of their own.
func (d document) object(fields []reflect.StructField) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{}, AdditionalProperties: true}
	for _, f := range fields {
		name := fieldName(f, "json")
		if name == "" {
			continue
		}
		switch {
		case f.Type == file:
			s.Properties[name] = &huma.Schema{Type: huma.TypeString, Format: "binary"}
		case f.Type.Kind() == reflect.Slice && f.Type.Elem() == file:
			s.Properties[name] = &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
		default:
			s.Properties[name] = d.reference(f.Type)
		}
	}
	rules(s, fields)
	return s
}

// reference returns the schema of a type that clients send, and sees to it that the
// rules of all structs that it leads to are in theirs. In a schema of responses a
// field is required unless it may be left out: that is huma's.
func (d document) reference(t reflect.Type) *huma.Schema {
	s := d.schemas.Schema(t, true, "")
	d.structs(t, map[reflect.Type]bool{})
	return s
}

func (d document) structs(t reflect.Type, seen map[reflect.Type]bool) {
	if seen[t] {
		return
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		d.structs(t.Elem(), seen)
	case reflect.Struct:
		s := d.schemas.Schema(t, true, "")
		if s.Ref == "" {
			return
		}
		fields := slices.DeleteFunc(reflect.VisibleFields(t), func(f reflect.StructField) bool { return f.Anonymous || !f.IsExported() })
		s = d.schemas.SchemaFromRef(s.Ref)
		s.AdditionalProperties = true // package bind ignores what it does not know
		rules(s, fields)
		for _, f := range fields {
			d.structs(f.Type, seen)
		}
	}
}

func (d document) parameter(op *huma.Operation, f reflect.StructField, place, name string) {
	s := *d.reference(f.Type)
	required := apply(&s, f)
	s.Nullable = false
	p := &huma.Param{Name: name, In: place, Required: required || place == "path", Schema: &s}
	if i := slices.IndexFunc(op.Parameters, func(o *huma.Param) bool { return o.In == place && o.Name == name }); i >= 0 {
		if s.Type != huma.TypeArray { // else it is a catch-all: no style allows slashes
			op.Parameters[i] = p
		}
		return
	}
	op.Parameters = append(op.Parameters, p)
}

func placeOf(f reflect.StructField) (place, name string) {
	for _, place := range []string{"path", "query", "header", "cookie"} {
		if tag, ok := f.Tag.Lookup(place); ok {
			name, _, _ := strings.Cut(tag, ",")
			return place, name
		}
	}
	return "", ""
}

func fieldName(f reflect.StructField, tags ...string) string {
	for _, tag := range tags {
		switch name, _, _ := strings.Cut(f.Tag.Get(tag), ","); name {
		case "-":
			return ""
		case "":
		default:
			return name
		}
	}
	return f.Name
}

// rules puts the rules of the fields into the schema of their struct.
func rules(s *huma.Schema, fields []reflect.StructField) {
	s.Required = nil
	for _, f := range fields {
		name := fieldName(f, "json")
		if p := s.Properties[name]; p != nil && apply(p, f) {
			s.Required = append(s.Required, name)
		}
	}
}

// apply puts the rules of a field into its schema, and reports whether it is
// required.
func apply(s *huma.Schema, f reflect.StructField) (required bool) {
	target, elements := s, false
	for rule := range strings.SplitSeq(f.Tag.Get("validate"), ",") {
		key, param, _ := strings.Cut(rule, "=")
		n, err := strconv.Atoi(param)
		x := float64(n)
		switch {
		case key == "dive":
			target, elements = target.Items, true
			if target == nil {
				return required
			}
		case key == "required" && !elements:
			required = true
			if target.Type == huma.TypeString && f.Type.Kind() == reflect.String {
				target.MinLength = new(1)
			}
		case key == "oneof":
			target.Enum = nil
			for v := range strings.FieldsSeq(param) {
				if target.Type == huma.TypeString {
					target.Enum = append(target.Enum, strings.Trim(v, "'"))
				} else if n, err := strconv.Atoi(v); err == nil {
					target.Enum = append(target.Enum, n)
				}
			}
		case key == "email" || key == "uuid":
			target.Format = key
		case key == "url":
			target.Format = "uri"
		case err != nil: // no number
		case (key == "min" || key == "gte") && target.Type == huma.TypeString:
			target.MinLength = &n
		case (key == "max" || key == "lte") && target.Type == huma.TypeString:
			target.MaxLength = &n
		case (key == "min" || key == "gte") && target.Type == huma.TypeArray:
			target.MinItems = &n
		case (key == "max" || key == "lte") && target.Type == huma.TypeArray:
			target.MaxItems = &n
		case key == "min" || key == "gte":
			target.Minimum = &x
		case key == "max" || key == "lte":
			target.Maximum = &x
		}
	}
	return required
}
