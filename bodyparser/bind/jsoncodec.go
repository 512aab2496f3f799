package bind

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/apiece/apiece/internal/fields"
	"github.com/apiece/apiece/internal/jsonread"
)

// encoding/json decodes a body directly, unless the type needs more: defaults or
// formats of fields, numbers in an any with all digits, arrays without excess
// elements, or refusal of unknown fields.

// A codec is how JSON is decoded into the types that one type leads to.
type codec struct {
	objects   map[reflect.Type]*object
	strict    bool
	optionals bool // there is an Optional, in which no decoder is strict
	numbers   bool // there is an any, in which numbers keep their digits
	rewrite   bool // a field has a default or a format
	arrays    bool // there is an array, of which encoding/json drops excess elements
	keys      bool // there is a map in which different names may be one key, and keys must be unique
	recursive bool // an Optional may hold itself

	// For texts in forms, by the parser's Config for bodies:
	rules jsonread.Rules
	hook  func([]byte, any) error // Unmarshal
}

// An object is the JSON object of a struct.
type object struct {
	members  []member
	names    nameIndex
	defaults []string // JSON of the members that have one, "" else
	formats  []string // of the members whose format changes their meaning
	quoted   []bool   // the members in quotes, by the option "string"
}

// inspect adds the structs that t leads to. The errors are about fields that no
// decoder could set, and about defaults; where names the field of type t.
func (c *codec) inspect(t reflect.Type, where string) error {
	c.optionals = c.optionals || isOptional(derefPointers(t))
	t = fields.Deref(t)
	switch {
	case isJSON(t), isText(t):
		return errors.Join(checkPromoted(t), noDefaults(t))
	case endless(t):
		return nil
	case c.hook == nil && !decodable(t):
		return fmt.Errorf("bind: %s cannot be set, for no JSON is decoded into a %v; hide it with the tag json:\"-\"", where, t)
	}
	switch t.Kind() {
	case reflect.Interface:
		c.numbers = c.numbers || t.NumMethod() == 0
		return nil
	case reflect.Slice, reflect.Array, reflect.Map:
		c.arrays = c.arrays || t.Kind() == reflect.Array
		c.keys = c.keys || c.rules.Unique && t.Kind() == reflect.Map && !plainKeys(t)
		return c.inspect(t.Elem(), where)
	case reflect.Struct:
	default:
		return nil
	}
	if has(c.objects, t) {
		return nil
	}
	if c.objects == nil {
		c.objects = map[reflect.Type]*object{}
	}
	o := &object{members: fromJSON.Members(t)}
	o.defaults, o.formats, o.quoted = make([]string, len(o.members)), make([]string, len(o.members)), make([]bool, len(o.members))
	c.objects[t] = o
	if err := settable(t, o.members); err != nil {
		return err
	}
	for i, m := range o.members {
		o.names.add(m.Name, i)
		o.quoted[i] = m.Quoted()
		if err := c.inspect(m.Field.Type, fmt.Sprintf("%v.%s", t, m.Field.Name)); err != nil {
			return err
		}
		if format := m.Field.Tag.Get("format"); formatted(m.Field.Type, format) {
			o.formats[i], c.rewrite = format, true
		}
		text, err := defaultJSON(t, m)
		if err != nil {
			return err
		}
		if o.defaults[i] = text; text != "" {
			c.rewrite = true
		}
	}
	return nil
}

// settable returns an error if decoders cannot set one of the members.
// Otherwise the client would be blamed for it.
func settable(t reflect.Type, members []member) error {
	for _, m := range members {
		if hiddenPointer(t, m.Index) {
			return fmt.Errorf("bind: %v.%s is behind an embedded pointer to an unexported struct, which cannot be set; embed the struct itself", t, m.Field.Name)
		}
	}
	return nil
}

// noDefaults refuses defaults in a type with its own method for JSON: they
// would have no effect.
func noDefaults(t reflect.Type) error {
	for _, s := range structs(t, nil) {
		for _, m := range fromForm.Members(s) {
			if _, given := defaultOf(m.Field, schemaTag); given {
				return fmt.Errorf("bind: %v.%s cannot have a default where a method of %v reads it; set it there", s, m.Field.Name, t)
			}
		}
	}
	return nil
}

// defaultJSON returns the default of a member as JSON, "" if it has none.
func defaultJSON(t reflect.Type, m member) (string, error) {
	text, ok := defaultOf(m.Field, schemaTag)
	if !ok {
		return "", nil
	}
	var b builder
	n := &node{kind: record, typ: t}
	b.field(n, t, m, m.Name, schemaTag)
	if len(n.fields) == 0 || n.fields[0].defaults == nil {
		return "", nil // the form reports what is wrong with it
	}
	v := reflect.New(m.Field.Type)
	d := newDefaultDecoder()
	d.set(n.fields[0].node, &input{values: n.fields[0].defaults}, v.Elem())
	out, err := json.Marshal(v.Interface())
	again := reflect.New(m.Field.Type)
	if err == nil {
		err = json.Unmarshal(out, again.Interface())
	}
	if err != nil || !reflect.DeepEqual(again.Interface(), v.Interface()) {
		return "", fmt.Errorf("bind: %v.%s cannot have the default %q in JSON, which does not give it back", t, m.Field.Name, text)
	}
	if m.Quoted() {
		out, _ = json.Marshal(string(out))
	}
	return string(out), nil
}

// target returns what a decoder decodes into for v, a pointer.
func (c *codec) target(v any) any {
	switch v.(type) {
	case *any, *map[string]any, *[]any: // package bodyparser handles these
		return v
	}
	if c.strict && len(c.objects) > 0 || c.numbers || c.rewrite || c.arrays || c.keys || c.recursive {
		return &decoding{c, v}
	}
	return v
}

// decoding decodes a value by the rules of a codec. Every JSON decoder passes it
// text that is one valid value.
type decoding struct {
	codec *codec
	v     any
}

func (d *decoding) UnmarshalJSON(text []byte) error { return d.codec.decode(text, d.v) }

func (c *codec) decode(text []byte, v any) error {
	if c.tooDeep(string(text)) {
		return jsonread.ErrDepth
	}
	if c.rewrite {
		text = c.complete(text, reflect.TypeOf(v))
	}
	err := c.unmarshal(text, v)
	// Some decoders reject a number that is too large, but do not say where it is.
	if (err == nil || errors.Is(err, jsonread.ErrRange)) && (c.arrays || c.keys || c.strict && c.optionals || c.numbers && hugeNumber(string(text))) && len(c.typeErrors(string(text), reflect.TypeOf(v), "")) > 0 {
		err = errTooMuch
	}
	return err
}

// tooDeep reports whether Optionals may nest more deeply than is allowed: each one
// reads its content again.
func (c *codec) tooDeep(text string) bool {
	const most = 64
	return c.recursive && errors.Is(jsonread.Check([]byte(text), jsonread.Rules{MaxDepth: most, MaxValues: -1}), jsonread.ErrDepth)
}

var errTooMuch = errors.New("more elements than the array has, a number that is too large for a float64, a key that is given twice, or a field that is not there")

func (c *codec) unmarshal(text []byte, v any) error {
	if !c.strict && !c.numbers {
		return json.Unmarshal(text, v)
	}
	return jsonread.Stream(text, v, c.strict)
}

// textError returns the rule and the message for JSON in a form that breaks the rules
// for bodies. For other text both are "".
func (c *codec) textError(text string) (rule, message string, err error) {
	err = jsonread.Check([]byte(text), c.rules)
	switch {
	case errors.Is(err, jsonread.ErrValues):
		return "type", "has too many values", err
	case errors.Is(err, jsonread.ErrDepth):
		return "type", "is nested too deeply", err
	case errors.Is(err, jsonread.ErrDuplicate):
		return "duplicate", "has a name twice in an object", err
	}
	return "", "", err
}

// decodeField decodes the JSON in a field of a form into v like a body, and returns
// the errors with their places.
func (c *codec) decodeField(text string, v reflect.Value, pointer string) ([]FieldError, error) {
	if rule, message, err := c.textError(text); err != nil {
		return []FieldError{{Path: pointer, Rule: cmp.Or(rule, "type"), Message: cmp.Or(message, expected(v.Type()))}}, err
	}
	dst := c.target(v.Addr().Interface())
	var err error
	if c.hook != nil {
		err = c.hook([]byte(text), dst)
	} else {
		rules := c.rules
		rules.Checked = true
		err = jsonread.Decode([]byte(text), dst, rules)
	}
	if err == nil {
		return nil, nil
	}
	found := c.typeErrors(text, v.Type(), pointer)
	if len(found) == 0 {
		found = []FieldError{{Path: pointer, Rule: "type", Message: "does not fit"}}
	}
	return found, err
}
