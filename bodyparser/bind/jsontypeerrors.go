package bind

import (
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"strings"

	"github.com/apiece/apiece/internal/fields"
)

// Decoders report a JSON value that does not fit a type in different ways: with
// a path of Go names or with an offset, for the first place or for the last.
// encoding/json reports no place at all if a method such as
// time.Time.UnmarshalJSON refused. So after a decoder has failed, the value is
// walked along the type, and every place is found and named, the same for all
// decoders.

// typeErrors returns the places where the JSON value does not fit the type, as
// many as an error may have. In a strict codec, unknown fields are errors
// too. The text is valid JSON.
func (c *codec) typeErrors(text string, t reflect.Type, path string) []FieldError {
	if c.tooDeep(text) {
		return []FieldError{{Path: path, Rule: "type", Message: "is nested too deeply"}}
	}
	w := typeChecker{codec: c, cursor: cursor{text: text}}
	w.value(t, &position{path: path}, false, "")
	return w.found
}

// A position is a place in the value. Its pointer is made only for an error, not
// for each value that fits.
type position struct {
	up    *position
	path  string // of the first
	name  string // of the others, if not that of an element
	index int    // of an element, -1 if there is a name
}

func (p *position) pointer() string {
	switch {
	case p.up == nil:
		return p.path
	case p.index >= 0:
		return joinPointer(p.up.pointer(), strconv.Itoa(p.index))
	}
	return joinPointer(p.up.pointer(), p.name)
}

// A typeChecker walks a JSON value along a type.
type typeChecker struct {
	*codec
	cursor
	found []FieldError
}

func (w *typeChecker) report(path, rule, message string) {
	w.found = append(w.found, FieldError{Path: path, Rule: rule, Message: message})
	if len(w.found) == maxFields {
		w.pos = len(w.text) // stop here
	}
}

// value reads the next value and compares it with the type. quoted is the
// option "string" of a json tag.
func (w *typeChecker) value(t reflect.Type, at *position, quoted bool, format string) {
	t = fields.Deref(t)
	switch {
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		if raw := w.cursor.value(); hugeNumber(raw) {
			w.report(at.pointer(), "type", "has a number that is too large")
		}
	case isJSON(t), isText(t), isBytes(t):
		w.leaf(t, at, quoted, format)
	case t.Kind() == reflect.Struct:
		w.object(t, at)
	case t.Kind() == reflect.Map:
		w.table(t, at, format)
	case t.Kind() == reflect.Array, t.Kind() == reflect.Slice:
		w.list(t, at, format)
	default:
		w.leaf(t, at, quoted, format)
	}
}

// leaf checks a value without parts.
func (w *typeChecker) leaf(t reflect.Type, at *position, quoted bool, format string) {
	raw := w.cursor.value()
	if raw == "" {
		return
	}
	if quoted && raw != "null" {
		if raw[0] != '"' {
			w.report(at.pointer(), "type", expected(t)+", in quotes")
			return
		}
		raw = unquote(raw)
	}
	if format != "" {
		raw = translate(raw, t, format)
	}
	err := fits(raw, t)
	if err == nil {
		return
	}
	path, message := at.pointer(), expectedAs(t, format)
	// A type with its own JSON method may know the place within.
	if inner, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && inner.Field != "" && isJSON(t) {
		for name := range strings.SplitSeq(inner.Field, ".") {
			path = joinPointer(path, name)
		}
		message = expected(inner.Type)
	}
	w.report(path, "type", message)
}

// fits returns the verdict of encoding/json on a leaf.
func fits(raw string, t reflect.Type) (err error) {
	if !isJSON(t) && !isText(t) && t != numberType {
		kind := t.Kind()
		switch {
		case raw == "null":
			return nil
		case kind == reflect.String && raw != "" && raw[0] == '"', kind == reflect.Bool && (raw == "true" || raw == "false"):
			return nil
		case kind >= reflect.Int && kind <= reflect.Int64:
			_, err = strconv.ParseInt(raw, 10, t.Bits())
			return err
		case kind >= reflect.Uint && kind <= reflect.Uintptr:
			_, err = strconv.ParseUint(raw, 10, t.Bits())
			return err
		}
	}
	return json.Unmarshal([]byte(raw), reflect.New(t).Interface())
}

// open reads the opening bracket of a value of the type. Given another value,
// it skips it and returns false.
func (w *typeChecker) open(bracket byte, t reflect.Type, at *position) bool {
	if w.accept(bracket) {
		return true
	}
	if raw := w.cursor.value(); raw != "null" && raw != "" { // null fits every type
		w.report(at.pointer(), "type", expected(t))
	}
	return false
}

func (w *typeChecker) list(t reflect.Type, at *position, format string) {
	if !w.open('[', t, at) {
		return
	}
	for i := 0; !w.accept(']') && w.pos < len(w.text); i++ {
		if t.Kind() == reflect.Array && i == t.Len() {
			w.report(at.pointer(), "type", "must not have more than "+strconv.Itoa(i)+" elements")
		}
		w.value(t.Elem(), &position{up: at, index: i}, false, format)
		w.accept(',')
	}
}

func (w *typeChecker) table(t reflect.Type, at *position, format string) {
	if !w.open('{', t, at) {
		return
	}
	keys := w.keysOf(t)
	for !w.accept('}') && w.pos < len(w.text) {
		name := w.name()
		entry := &position{up: at, name: name, index: -1}
		if !fitsKey(name, t.Key()) {
			w.report(entry.pointer(), "type", "is not a name that fits")
		} else if keys.twice(name) {
			w.report(entry.pointer(), "duplicate", twoNames)
		}
		w.value(t.Elem(), entry, false, format)
		w.accept(',')
	}
}

func (w *typeChecker) object(t reflect.Type, at *position) {
	if !w.open('{', t, at) {
		return
	}
	o := w.objects[t]
	if o == nil {
		return
	}
	for !w.accept('}') && w.pos < len(w.text) {
		name := w.name()
		i, ok := o.names.find(name)
		if !ok {
			if w.strict {
				w.report(joinPointer(at.pointer(), name), "unknown", "is not a field of this request")
			}
			w.cursor.value()
		} else {
			m := &o.members[i]
			w.value(m.Field.Type, &position{up: at, name: m.Name, index: -1}, o.quoted[i], o.formats[i])
		}
		w.accept(',')
	}
}
