package bind

import (
	"encoding"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/apiece/apiece/internal/fields"
	"github.com/gorilla/schema"
)

// gorilla/schema converts a text to a value: one text at a time, into a struct
// with one field. Lists, indexes, empty values, defaults and names are resolved
// before, without it.

// A converter converts texts to values of one type.
type converter struct {
	typ      reflect.Type
	decoder  *schema.Decoder // nil for strings
	cell     reflect.Type    // the struct with one field
	path     string          // of the field
	text     bool            // the type itself reads the text, even an empty one
	numeric  bool            // one text may hold several, separated by commas
	expected string
}

// newConverter returns the converter for a type, nil if the type cannot have
// one.
func newConverter(t reflect.Type, format string) *converter {
	c := &converter{typ: t, text: isText(t) || isJSON(t), expected: expected(t)}
	conv := customConverter(t, format)
	switch t.Kind() {
	case reflect.String:
		if conv == nil && !c.text {
			return c
		}
	case reflect.Bool, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		c.numeric = conv == nil && !c.text
	default:
		if conv == nil && !c.text {
			return nil
		}
	}
	if t == durationType {
		format = "duration"
	}
	c.expected = expectedAs(t, format)
	c.decoder = schema.NewDecoder()
	if conv != nil {
		c.decoder.RegisterConverter(reflect.Zero(t).Interface(), conv)
	}
	c.cell, c.path = reflect.StructOf([]reflect.StructField{{Name: "V", Type: t}}), "V"
	if t.Kind() == reflect.Struct {
		// gorilla/schema looks for defaults in structs, through pointers and
		// circular types, but not in lists.
		c.cell = reflect.StructOf([]reflect.StructField{{Name: "L", Type: reflect.SliceOf(c.cell)}})
		c.path = "L.0.V"
	}
	return c
}

// convert stores the value of the text in dst. The error is the cause for the
// log, and is never nil for an invalid text.
func (c *converter) convert(text string, dst reflect.Value) error {
	if c.decoder == nil {
		dst.SetString(text)
		return nil
	}
	cell := reflect.New(c.cell)
	if err := c.decoder.Decode(cell.Interface(), map[string][]string{c.path: {text}}); err != nil {
		var multi schema.MultiError
		var conversion schema.ConversionError
		if errors.As(err, &multi) && errors.As(multi[c.path], &conversion) && conversion.Err != nil {
			return conversion.Err
		}
		return errText
	}
	v := cell.Elem().Field(0)
	if c.path != "V" {
		v = v.Index(0).Field(0)
	}
	if k := v.Kind(); !c.text && (k == reflect.Float32 || k == reflect.Float64) &&
		(math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) || strings.ContainsAny(text, "xX_")) {
		// strconv also reads non-finite numbers and Go syntax, such as 0x1p4 and
		// 0x_10p0. JSON cannot carry them, and some pass a rule such as "not less
		// than 0".
		return errText
	}
	dst.Set(v)
	return nil
}

var errText = errors.New("not a value of the type")

// customConverter returns the conversion for a type that gorilla/schema does not know, or
// treats as another type; nil if it needs none. The format is from the tag of
// the field.
func customConverter(t reflect.Type, format string) schema.Converter {
	switch {
	case t == timeType:
		return func(text string) reflect.Value {
			v, ok := readTime(text, format)
			return valid(v, ok)
		}
	case t == durationType:
		return func(text string) reflect.Value {
			if n, err := strconv.ParseInt(text, 10, 64); err == nil {
				return reflect.ValueOf(time.Duration(n)) // as in JSON
			}
			d, err := time.ParseDuration(text)
			return valid(d, err == nil)
		}
	case t == numberType:
		return func(text string) reflect.Value {
			return valid(json.Number(text), json.Unmarshal([]byte(text), new(float64)) == nil && text != "null")
		}
	case isText(t) && !isJSON(t) && native(t):
		return nil
	case isText(t), isJSON(t):
		return func(text string) reflect.Value {
			p := reflect.New(t)
			if u, ok := p.Interface().(encoding.TextUnmarshaler); ok && u.UnmarshalText([]byte(text)) == nil {
				return p.Elem()
			}
			return readJSON(text, t)
		}
	case isBytes(t):
		return func(text string) reflect.Value {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				return reflect.Value{}
			}
			return reflect.ValueOf(b).Convert(t)
		}
	}
	return nil
}

func valid(v any, ok bool) reflect.Value {
	if !ok {
		return reflect.Value{}
	}
	return reflect.ValueOf(v)
}

// native reports whether gorilla/schema calls the UnmarshalText of a type of
// this kind.
func native(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array, reflect.Slice:
		t = t.Elem()
	case reflect.Struct:
		return true
	}
	return t.Kind() > reflect.Invalid && t.Kind() < reflect.Complex64 && t.Kind() != reflect.Uintptr || t.Kind() == reflect.String
}

// readJSON passes a text of a form to a type that reads only JSON: as a string,
// or unchanged if it is JSON. An object or a list is tried first.
func readJSON(text string, t reflect.Type) reflect.Value {
	quoted, _ := json.Marshal(text)
	tries := [2][]byte{quoted, []byte(text)}
	if text != "" && (text[0] == '{' || text[0] == '[') {
		tries[0], tries[1] = tries[1], tries[0]
	}
	for _, try := range tries {
		p := reflect.New(t)
		u, ok := p.Interface().(json.Unmarshaler)
		if ok && json.Valid(try) && u.UnmarshalJSON(try) == nil {
			return p.Elem()
		}
	}
	return reflect.Value{}
}

// readTime parses a time in the format of JSON, of HTML inputs (date,
// datetime-local, month, and time), or of a header. Missing parts are UTC, the
// first of the month, and the year 0.
func readTime(text, format string) (t time.Time, ok bool) {
	if format == "unix" {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			t = time.Unix(n, 0).UTC()
			return t, t.Year() >= 0 && t.Year() < 10_000
		}
	}
	if t.UnmarshalText([]byte(text)) == nil {
		return t, true
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", time.DateOnly, "2006-01", time.TimeOnly, "15:04", http.TimeFormat} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// translate returns the JSON that encoding/json reads for a value in the format
// of its tag: seconds since 1970, a date, or a duration as text. It leaves
// everything else to encoding/json.
func translate(raw string, t reflect.Type, format string) string {
	switch fields.Deref(t) {
	case timeType:
		text := raw
		if format == "date" && raw[0] == '"' {
			text = unquote(raw)
		} else if format != "unix" || raw[0] == '"' {
			return raw
		}
		if v, ok := readTime(text, format); ok {
			return strconv.Quote(v.Format(time.RFC3339Nano))
		}
	case durationType:
		if format == "duration" && raw[0] == '"' {
			if d, err := time.ParseDuration(unquote(raw)); err == nil {
				return strconv.FormatInt(int64(d), 10)
			}
		}
	}
	return raw
}

// expectedAs describes a value with a format.
func expectedAs(t reflect.Type, format string) string {
	switch {
	case t == timeType && format == "unix":
		return "must be a number of seconds since 1970"
	case t == timeType && format == "date":
		return "must be a date such as 2006-01-02"
	case t == durationType && format == "duration":
		return "must be a duration such as 1h30m"
	}
	return expected(t)
}

// formatted reports whether the format changes the JSON of a value of the type,
// or of a list of them.
func formatted(t reflect.Type, format string) bool {
	t = fields.Deref(t)
	for !isText(t) && !endless(t) && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = fields.Deref(t.Elem())
	}
	return t == timeType && (format == "unix" || format == "date") || t == durationType && format == "duration"
}
