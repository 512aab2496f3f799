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

// A mode is the side on which a type stands. One Go type may be two interfaces:
// what a client must send is less than what it receives.
type mode int

const (
	response mode = iota // encoded as JSON
	body                 // decoded from JSON, or from a form
	query                // decoded from a query, or from a part of the path
)

var (
	jsonMarshaler   = reflect.TypeFor[json.Marshaler]()
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
)

// valuer is implemented by types that list their values, as those that ent and
// go-enum generate do.
type valuer interface{ Values() []string }

// typ returns the TypeScript type of a Go type.
func (g *generator) typ(t reflect.Type, m mode) string {
	if s := wellKnown(t); s != "" {
		return s
	}
	if of, ok := fields.Optional(t); ok {
		return union(g.typ(of, m), "null")
	}
	if t.Kind() != reflect.Pointer {
		if values := listed(t); values != nil {
			return union(values...)
		}
		switch json, text := own(t, m); {
		case json:
			return "unknown"
		case text:
			return "string"
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "number"
	case reflect.Pointer:
		return union(g.typ(t.Elem(), m), "null")
	case reflect.Slice:
		list := listOf(g.typ(t.Elem(), m))
		if isBytes(t) {
			list = "string" // in base64
		}
		if m == response {
			return union(list, "null") // what a nil slice is in JSON
		}
		return list
	case reflect.Array:
		return listOf(g.typ(t.Elem(), m))
	case reflect.Map:
		object := "Record<string, " + g.typ(t.Elem(), m) + ">"
		if m == response {
			return union(object, "null")
		}
		return object
	case reflect.Struct:
		return g.object(t, m)
	}
	return "unknown" // an interface
}

// wellKnown returns the TypeScript type of a type whose methods do not tell it.
func wellKnown(t reflect.Type) string {
	switch t {
	case timeType:
		return "string"
	case reflect.TypeFor[json.Number](), reflect.TypeFor[big.Int]():
		return "number"
	case reflect.TypeFor[json.RawMessage]():
		return "unknown"
	}
	if t.Name() == "File" && strings.HasSuffix(t.PkgPath(), "/bodyparser/upload") {
		return "Blob"
	}
	return ""
}

// own reports whether values of the type have a method that writes them, or reads
// them in a request, as JSON or as text.
func own(t reflect.Type, m mode) (json, text bool) {
	j, x := jsonUnmarshaler, textUnmarshaler
	if m == response {
		j, x = jsonMarshaler, textMarshaler
	}
	p := reflect.PointerTo(t)
	return p.Implements(j) && m != query, p.Implements(x)
}

func isBytes(t reflect.Type) bool {
	if t.Elem().Kind() != reflect.Uint8 {
		return false
	}
	json, text := own(t.Elem(), body)
	return !json && !text
}

// listed returns the values of a type that lists them.
func listed(t reflect.Type) (values []string) {
	v, ok := reflect.Zero(t).Interface().(valuer)
	if !ok || t.Kind() == reflect.Interface {
		return nil
	}
	for _, s := range v.Values() {
		values = append(values, literal(s))
	}
	return values
}

// union returns the union of types, without repetition.
func union(types ...string) string {
	var all []string
	for _, t := range types {
		for one := range strings.SplitSeq(t, " | ") {
			if one == "unknown" {
				return one // which takes in everything
			}
			if !slices.Contains(all, one) {
				all = append(all, one)
			}
		}
	}
	return strings.Join(all, " | ")
}

func listOf(elem string) string {
	if strings.Contains(elem, " ") {
		elem = "(" + elem + ")"
	}
	return elem + "[]"
}

// object returns the reference to the interface of a struct type, or the type
// itself if it has no name.
func (g *generator) object(t reflect.Type, m mode) string {
	if t.Name() == "" {
		if slices.Contains(g.inside, t) {
			return "unknown"
		}
		g.inside = append(g.inside, t)
		defer func() { g.inside = g.inside[:len(g.inside)-1] }()
		return inline(g.properties(t, m))
	}
	key := declared{t, m}
	d, ok := g.decls[key]
	if !ok {
		d = &declaration{number: len(g.order)}
		g.decls[key] = d
		g.order = append(g.order, key)
		d.properties = g.properties(t, m)
	}
	return reference(d.number)
}

// A property is a line of an interface.
type property struct {
	name     string
	optional bool
	typ      string
	doc      string
}

func (p property) String() string {
	mark := ""
	if p.optional {
		mark = "?"
	}
	return propertyName(p.name) + mark + ": " + p.typ
}

// inline returns properties as a type in one line. Documentation is left out.
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

// properties returns those of a struct, without the fields that a request has in
// other places than the body.
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

// property returns the property of a field, which for a field with a place has
// the options in the tag of that place.
func (g *generator) property(f fields.Member, m mode, place string) property {
	p := property{name: f.Name, typ: g.typ(f.Field.Type, m)}
	if format := f.Field.Tag.Get("format"); format != "" && m != response {
		p.typ = g.formatted(f.Field.Type, format, p.typ)
	}
	if f.Quoted() && place == "" && m != query {
		p.typ = quotedType(p.typ)
	}
	r := readRules(f.Field.Tag.Get("validate"), fields.Deref(f.Field.Type))
	if r.values != nil {
		null := strings.HasSuffix(p.typ, " | null")
		if p.typ = union(r.values...); null {
			p.typ = union(p.typ, "null")
		}
	}
	if r.elements != nil && fields.Deref(f.Field.Type).Kind() == reflect.Slice {
		list := listOf(union(r.elements...))
		if strings.HasSuffix(p.typ, " | null") {
			list = union(list, "null")
		}
		p.typ = list
	}
	p.doc = documentation(fields.Deref(f.Field.Type), f.Field.Tag.Get("format"), r.others)
	_, options, _ := strings.Cut(f.Field.Tag.Get("json"), ",")
	omitted := slices.ContainsFunc(strings.Split(options, ","), func(o string) bool { return o == "omitempty" || o == "omitzero" })
	switch {
	case m != response:
		p.optional = !r.required
		if r.required {
			p.typ = strings.TrimSuffix(p.typ, " | null")
		}
		if def, ok := defaultOf(f.Field, place); ok {
			p.optional = true
			p.doc = strings.TrimPrefix(p.doc+", default "+def, ", ")
		}
	case omitted || f.Pointer:
		p.optional = true
		if kind := f.Field.Type.Kind(); omitted && (kind == reflect.Pointer || kind == reflect.Slice || kind == reflect.Map) {
			p.typ = strings.TrimSuffix(p.typ, " | null")
		}
	}
	return p
}

// formatted returns the type of a value whose format the service has named.
func (g *generator) formatted(t reflect.Type, format, typ string) string {
	switch of := fields.Deref(t); {
	case of == timeType && format == "unix":
		return strings.Replace(typ, "string", "number", 1)
	case of == durationType && format == "duration":
		return strings.Replace(typ, "number", "string", 1)
	}
	return typ
}

func quotedType(typ string) string {
	base, null := strings.CutSuffix(typ, " | null")
	if base == "number" || base == "boolean" {
		base = "string"
	}
	if null {
		return base + " | null"
	}
	return base
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

// documentation says what TypeScript has no type for.
func documentation(t reflect.Type, format string, rules []string) string {
	var about []string
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
	case t.Kind() == reflect.Slice && isBytes(t):
		about = append(about, "base64")
	}
	return strings.ReplaceAll(strings.Join(append(about, rules...), ", "), "*/", "*\\/")
}

// rules are the rules of a field as far as types can say them.
type rules struct {
	required bool
	values   []string // of oneof
	elements []string // of a oneof for the elements of a list
	others   []string // as they are
}

// readRules reads a validate tag. t is the type of the field, without pointers.
func readRules(tag string, t reflect.Type) (r rules) {
	elements := false
	for rule := range strings.SplitSeq(tag, ",") {
		name, param, _ := strings.Cut(rule, "=")
		switch {
		case rule == "dive":
			if elements { // lists in lists keep their rules as documentation
				return r
			}
			elements = true
			if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
				t = fields.Deref(t.Elem())
			} else {
				return r
			}
		case rule == "" || rule == "omitempty" || rule == "omitzero" || rule == "-" || rule == "omitnil":
		case rule == "required":
			r.required = r.required || !elements
		case name == "oneof":
			values := oneOf(param, t)
			if elements {
				r.elements = values
			} else {
				r.values = values
			}
		case elements:
			r.others = append(r.others, "each "+rule)
		default:
			r.others = append(r.others, rule)
		}
	}
	return r
}

// oneOf returns the values of the rule oneof as types: between spaces, or within
// single quotes.
func oneOf(param string, t reflect.Type) (values []string) {
	for param = strings.TrimSpace(param); param != ""; param = strings.TrimLeft(param, " ") {
		var value string
		if rest, ok := strings.CutPrefix(param, "'"); ok {
			value, param, _ = strings.Cut(rest, "'")
		} else {
			value, param, _ = strings.Cut(param, " ")
		}
		if t.Kind() == reflect.String {
			value = literal(value)
		} else if _, err := strconv.ParseFloat(value, 64); err != nil {
			return nil
		}
		values = append(values, value)
	}
	return values
}

// literal returns a text as a string literal of TypeScript.
func literal(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("typescript: a string that is no JSON: %v", err))
	}
	// In a union the parts are told apart by this separator.
	return strings.ReplaceAll(string(text), " | ", ` \u007c `)
}

// propertyName returns the name as it stands in an interface.
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
