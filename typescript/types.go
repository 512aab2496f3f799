package typescript

import (
	"encoding"
	"encoding/json"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/fields"
)

// A mode is the side of a type. One Go type may be two interfaces: a client
// must send less than it receives.
type mode int

const (
	response mode = iota // encoded as JSON
	body                 // decoded from JSON
	query                // decoded from a query, a form with files, or a part of the path
)

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// valuer is implemented by types that list their values, such as those that ent
// and go-enum generate.
type valuer interface{ Values() []string }

// typ returns the TypeScript type of a Go type. A recursive type without a name
// is unknown where it recurs, unless it is a struct: only interfaces can refer
// to themselves.
func (g *generator) typ(t reflect.Type, m mode) union { return g.typAt(t, m, false) }

// typAt returns the type of a value. The target of a pointer, and an element of
// a slice, is certainly addressable, so methods of its pointer are called.
func (g *generator) typAt(t reflect.Type, m mode, addressable bool) union {
	if value, ok := fields.Optional(t); ok {
		return g.typ(value, m).orNull()
	}
	if u := g.special(t, m, addressable); u != nil {
		return u
	}
	switch t.Kind() {
	case reflect.Bool:
		return union{"boolean"}
	case reflect.String:
		return union{"string"}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return union{"number"}
	case reflect.Interface:
		return union{"unknown"}
	}
	if t.Kind() == reflect.Struct && t.Name() != "" {
		return g.declare(t, m)
	}
	if slices.Contains(g.inside, t) {
		return union{"unknown"}
	}
	g.inside = append(g.inside, t)
	defer func() { g.inside = g.inside[:len(g.inside)-1] }()
	switch t.Kind() {
	case reflect.Pointer:
		return g.typAt(t.Elem(), m, true).orNull()
	case reflect.Slice:
		list := union{"string"} // in base64
		if !isBytes(t, m) {
			list = g.typAt(t.Elem(), m, true).list()
		}
		if m == response {
			return list.orNull() // JSON of a nil slice
		}
		return list
	case reflect.Array:
		return g.typ(t.Elem(), m).list()
	case reflect.Map:
		object := union{"Record<string, " + g.typ(t.Elem(), m).String() + ">"}
		if m == response {
			return object.orNull()
		}
		return object
	case reflect.Struct:
		return union{inline(g.properties(t, m))}
	}
	return union{"unknown"} // no form in JSON
}

// special returns the type of values that their methods write and read, nil if
// their kind decides.
func (g *generator) special(t reflect.Type, m mode, addressable bool) union {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Interface {
		return nil
	}
	switch {
	case t == reflect.TypeFor[json.Number]():
		return union{"number"}
	case t == reflect.TypeFor[json.RawMessage]():
		return union{"unknown"}
	case isFile(t):
		return union{"Blob"}
	}
	if p := reflect.PointerTo(t); m == query && p.Implements(jsonUnmarshaler) && !p.Implements(textUnmarshaler) {
		return union{"string"} // a JSON string
	}
	json, text := own(t, m)
	if (json || text) && m == response && !addressable && !t.Implements(jsonMarshaler) && !t.Implements(textMarshaler) {
		return union{"unknown"} // the method is that of the pointer, and called for some values only
	}
	if text || t.Kind() == reflect.String && !json {
		if values := listed(t); values != nil {
			return values
		}
	}
	switch {
	case t == timeType:
		return union{"string"}
	case t == reflect.TypeFor[big.Int]():
		return union{"number"}
	case json:
		return union{"unknown"}
	case text:
		return union{"string"}
	}
	return nil
}

func isFile(t reflect.Type) bool {
	return t.Name() == "File" && strings.HasSuffix(t.PkgPath(), "/bodyparser/upload")
}

// own reports whether the type has its own method that writes values, or reads
// them in a request, as JSON or as text.
func own(t reflect.Type, m mode) (json, text bool) {
	j, x := jsonUnmarshaler, textUnmarshaler
	if m == response {
		j, x = jsonMarshaler, textMarshaler
	}
	p := reflect.PointerTo(t)
	return p.Implements(j) && m != query, p.Implements(x)
}

func isBytes(t reflect.Type, m mode) bool {
	if t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	json, text := own(t.Elem(), m)
	return !json && !text
}

// listed returns the values of a type that lists them.
func listed(t reflect.Type) (values union) {
	if v, ok := reflect.Zero(t).Interface().(valuer); ok {
		for _, s := range v.Values() {
			values = append(values, literal(s))
		}
	}
	return values
}

// declare returns the reference to the interface of a struct type.
func (g *generator) declare(t reflect.Type, m mode) union {
	key := declKey{t, m}
	d, ok := g.decls[key]
	if !ok {
		d = &declaration{number: len(g.order)}
		g.decls[key] = d
		g.order = append(g.order, key)
		inside := g.inside
		g.inside = nil // an interface is the same wherever it is first found
		d.properties = g.properties(t, m)
		g.inside = inside
	}
	return union{reference(d.number)}
}

// A property is a line of an interface.
type property struct {
	name     string
	optional bool
	typ      union
	doc      string
}

func (p property) String() string {
	mark := ""
	if p.optional {
		mark = "?"
	}
	return propertyName(p.name) + mark + ": " + p.typ.String()
}

// inline returns properties as a type in one line, without documentation.
func inline(properties []property) string {
	if len(properties) == 0 {
		return "Record<string, never>"
	}
	var lines []string
	for _, p := range properties {
		lines = append(lines, p.String())
	}
	return "{ " + strings.Join(lines, "; ") + " }"
}

// properties returns the properties of a struct, without the fields that a
// request has in other places than the body.
func (g *generator) properties(t reflect.Type, m mode) (all []property) {
	src := fields.JSON
	if m == query {
		src = fields.Form
	}
	for _, f := range src.Members(t) {
		if place, _ := fields.Place(f.Field); place == "" || m == response {
			all = append(all, g.property(f, m, ""))
		}
	}
	return all
}

// property returns the property of a field. For a field with a place, the
// options are those in the tag of the place.
func (g *generator) property(f fields.Member, m mode, place string) property {
	t := fields.Deref(f.Field.Type)
	p := property{name: f.Name, typ: g.typ(f.Field.Type, m)}
	if m != response {
		p.typ = formatted(t, f.Field.Tag.Get("format"), p.typ)
	}
	r := readRules(f.Field.Tag.Get("validate"), t)
	if r.values != nil && plain(t, m) {
		values := r.values
		if r.empty && m == response {
			values = of(values, zero(t))
		}
		p.typ = p.typ.replace(plainType(t), values...)
	}
	if r.elements != nil && t.Kind() == reflect.Slice && plain(fields.Deref(t.Elem()), m) && !isBytes(t, m) {
		was := g.typAt(t.Elem(), m, true)
		p.typ = p.typ.replace(was.list().String(), was.replace(plainType(fields.Deref(t.Elem())), r.elements...).list()...)
	}
	if f.Quoted() && place == "" && m != query {
		p.typ = quoted(p.typ)
	}
	if r.required { // of a response, the struct says so
		p.typ = p.typ.notNull()
	}
	about := append(documentation(t, f.Field.Tag.Get("format"), m), r.others...)
	_, options, _ := strings.Cut(f.Field.Tag.Get("json"), ",")
	omitted := slices.ContainsFunc(strings.Split(options, ","), func(o string) bool { return o == "omitempty" || o == "omitzero" })
	switch {
	case m != response:
		refused := r.values != nil && !r.empty && plain(f.Field.Type, m) && !slices.Contains(r.values, zero(t)[0])
		p.optional = !r.required && !refused || f.Pointer
		if def, ok := defaultOf(f.Field, place); ok {
			p.optional = true
			about = append(about, "default "+def)
		}
	case omitted || f.Pointer:
		p.optional = true
		if omitted {
			p.typ = g.withoutNil(f.Field.Type, p.typ)
		}
		if omitted && r.empty && r.values != nil && plain(f.Field.Type, m) {
			p.typ = slices.DeleteFunc(slices.Clone(p.typ), func(one string) bool { return one == zero(t)[0] })
		}
	}
	p.doc = strings.Join(about, ", ")
	return p
}

// withoutNil returns the type of a field that is left out if it is nil.
func (g *generator) withoutNil(t reflect.Type, typ union) union {
	switch t.Kind() {
	case reflect.Slice, reflect.Map:
		return typ.notNull()
	case reflect.Pointer:
		if !g.typAt(t.Elem(), response, true).nullable() {
			return typ.notNull()
		}
	}
	return typ
}

// plain reports whether values of the type are texts or numbers without their
// own method.
func plain(t reflect.Type, m mode) bool {
	json, text := own(t, m)
	return !json && !text && plainType(t) != ""
}

func plainType(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.String:
		return "string"
	case t.Kind() >= reflect.Int && t.Kind() <= reflect.Float64:
		return "number"
	}
	return ""
}

// zero returns the zero value of a plain type.
func zero(t reflect.Type) union {
	if t.Kind() == reflect.String {
		return union{`""`}
	}
	return union{"0"}
}

// formatted returns the type of a value with a format.
func formatted(t reflect.Type, format string, typ union) union {
	switch {
	case t == timeType && format == "unix":
		return typ.replace("string", "number")
	case t == durationType && format == "duration":
		return typ.replace("number", "string")
	}
	return typ
}

// quoted returns a type with texts in place of its values.
func quoted(typ union) (all union) {
	for _, one := range typ {
		if _, err := strconv.ParseFloat(one, 64); err == nil {
			one = literal(one)
		} else if one == "number" || one == "boolean" {
			one = "string"
		}
		all = append(all, one)
	}
	return of(all)
}

// defaultOf returns the default in the tag of a field.
func defaultOf(f reflect.StructField, place string) (string, bool) {
	tag := place
	if tag == "" {
		tag = "schema"
	}
	_, def, ok := strings.Cut(f.Tag.Get(tag), ",default:")
	return def, ok
}

// documentation returns the rules that TypeScript has no type for.
func documentation(t reflect.Type, format string, m mode) (about []string) {
	if m == response {
		format = "" // encoding/json has none
	}
	switch {
	case t == timeType && format == "unix":
		about = append(about, "seconds since 1970")
	case t == timeType && format == "date":
		about = append(about, "a date")
	case t == timeType:
		about = append(about, "a date and time of RFC 3339")
	case t == durationType && format == "duration":
		about = append(about, `a duration such as "1h30m"`)
	case t == durationType:
		about = append(about, "nanoseconds")
	case t.Kind() == reflect.Slice && isBytes(t, m):
		about = append(about, "base64")
	}
	return about
}

// literal returns a text as a string literal of TypeScript.
func literal(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("typescript: a string that is no JSON: %v", err))
	}
	return string(text)
}

// propertyName returns the name as written in an interface.
func propertyName(name string) string {
	for i, r := range name {
		if r != '_' && r != '$' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (i == 0 || r < '0' || r > '9') {
			return literal(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}
