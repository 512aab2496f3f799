package bind

import (
	"encoding/json"
	"reflect"
	"strconv"
	"strings"
)

// Where a JSON value does not fit a type, decoders tell it in their own way:
// with a path of Go names or with an offset, for the first place or for the
// last, and encoding/json not at all if it was a method such as
// time.Time.UnmarshalJSON that refused. So once a decoder has complained, the
// value is walked along the type, and every place is found and named, the same
// under any decoder.

// mistakes returns where the JSON value does not fit the type. With strict,
// fields that the type does not have are mistakes too. The text is known to be
// valid.
func mistakes(text string, t reflect.Type, strict bool) []FieldError {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	w := walker{d: d, strict: strict, members: map[reflect.Type][]member{}}
	w.value(t, "", false)
	return w.found
}

type walker struct {
	d       *json.Decoder
	strict  bool
	members map[reflect.Type][]member
	found   []FieldError
}

func (w *walker) report(path, rule, message string) {
	if len(w.found) < maxFields {
		w.found = append(w.found, FieldError{Path: path, Rule: rule, Message: message})
	}
}

// value reads the next value and compares it with the type. quoted is the
// option "string" of a json tag.
func (w *walker) value(t reflect.Type, path string, quoted bool) {
	t = deref(t)
	if o, ok := optionalOf(t); ok {
		t = deref(o)
	}
	switch {
	case t.Kind() == reflect.Interface:
		w.skip()
	case reflect.PointerTo(t).Implements(jsonUnmarshaler), isText(t):
		w.leaf(t, path, quoted)
	case t.Kind() == reflect.Struct:
		w.object(t, path)
	case t.Kind() == reflect.Map:
		w.dictionary(t, path)
	case t.Kind() == reflect.Array, t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		w.list(t, path)
	default:
		w.leaf(t, path, quoted)
	}
}

func (w *walker) skip() {
	var any json.RawMessage
	_ = w.d.Decode(&any)
}

// leaf lets encoding/json decide about a value that has no parts of its own.
func (w *walker) leaf(t reflect.Type, path string, quoted bool) {
	var raw json.RawMessage
	if w.d.Decode(&raw) != nil {
		return
	}
	if quoted && raw[0] == '"' {
		var inner string
		_ = json.Unmarshal(raw, &inner)
		raw = json.RawMessage(inner)
	}
	if json.Unmarshal(raw, reflect.New(t).Interface()) != nil {
		w.report(path, "type", expected(t))
	}
}

// open reads the bracket that opens a value of the type. It reports false if
// there is another value, which is then read to its end.
func (w *walker) open(bracket json.Delim, t reflect.Type, path string) bool {
	token, err := w.d.Token()
	if err != nil || token == nil {
		return false // null fits every type
	}
	if token == bracket {
		return true
	}
	w.report(path, "type", expected(t))
	for depth := 0; ; {
		switch token {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return false
		}
		if token, err = w.d.Token(); err != nil {
			return false
		}
	}
}

func (w *walker) list(t reflect.Type, path string) {
	if !w.open('[', t, path) {
		return
	}
	for i := 0; w.d.More(); i++ {
		w.value(t.Elem(), step(path, strconv.Itoa(i)), false)
	}
	_, _ = w.d.Token()
}

func (w *walker) dictionary(t reflect.Type, path string) {
	if !w.open('{', t, path) {
		return
	}
	for w.d.More() {
		key, _ := w.d.Token()
		name, _ := key.(string)
		at := step(path, name)
		if t.Key().Kind() != reflect.String || isText(t.Key()) {
			entry, _ := json.Marshal(map[string]any{name: nil})
			if json.Unmarshal(entry, reflect.New(t).Interface()) != nil {
				w.report(at, "type", "is not a name that fits")
			}
		}
		w.value(t.Elem(), at, false)
	}
	_, _ = w.d.Token()
}

func (w *walker) object(t reflect.Type, path string) {
	if !w.open('{', t, path) {
		return
	}
	members, ok := w.members[t]
	if !ok {
		members = fromJSON.members(t)
		w.members[t] = members
	}
	for w.d.More() {
		key, _ := w.d.Token()
		name, _ := key.(string)
		m, ok := find(members, name)
		if !ok {
			if w.strict {
				w.report(step(path, name), "unknown", "is not a field of this request")
			}
			w.skip()
			continue
		}
		w.value(m.field.Type, step(path, m.name), isQuoted(m.field))
	}
	_, _ = w.d.Token()
}

// isQuoted reports whether the json tag has the option "string".
func isQuoted(f reflect.StructField) bool {
	_, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	return strings.Contains(","+options+",", ",string,")
}
