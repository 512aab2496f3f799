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

// A text becomes a value by gorilla/schema, which is given one text at a time
// and a struct with one field for it. What it makes of lists, indexes, empty
// values, defaults and names is never asked: those are decided before.

// A converter makes values of one type from texts.
type converter struct {
	typ      reflect.Type
	decoder  *schema.Decoder // nil for strings, which are what they are
	cell     reflect.Type    // the struct with one field
	path     string          // of the field
	text     bool            // the type itself says what a text means, an empty one included
	numeric  bool            // several may stand in one text, with commas between
	expected string
}

// newConverter returns the converter for a type, nil if there can be none.
func newConverter(t reflect.Type, format string) *converter {
	c := &converter{typ: t, text: isText(t) || isJSON(t), expected: expected(t)}
	conv := own(t, format)
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
		// gorilla/schema looks for defaults in structs, through pointers too and
		// in circles, but not in lists.
		c.cell = reflect.StructOf([]reflect.StructField{{Name: "L", Type: reflect.SliceOf(c.cell)}})
		c.path = "L.0.V"
	}
	return c
}

// convert stores what the text means in dst. The error is the cause for the
// log, and never nil for a text that means nothing.
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
		// strconv reads what is none and those of Go, such as 0x1p4 and 0x_10p0.
		// No JSON has them or can carry them on, and some pass a rule such as "not
		// less than 0".
		return errText
	}
	dst.Set(v)
	return nil
}

var errText = errors.New("not a value of the type")

// own returns how a text becomes a value of a type that gorilla/schema does not
// know, or takes for another, nil if there is no need. The format is that of
// the field's tag.
func own(t reflect.Type, format string) schema.Converter {
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

// native reports whether gorilla/schema asks the UnmarshalText of a type of this
// kind.
func native(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array, reflect.Slice:
		t = t.Elem()
	case reflect.Struct:
		return true
	}
	return t.Kind() > reflect.Invalid && t.Kind() < reflect.Complex64 && t.Kind() != reflect.Uintptr || t.Kind() == reflect.String
}

// readJSON gives a text of a form to a type that reads only JSON: as a string,
// or as it is where that is JSON too. An object or a list is tried first.
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

// readTime reads a time as JSON has it, else as the inputs of a page send it:
// date, datetime-local, month, and time, or as a header has it. What they leave
// out is UTC, the first of the month, and the year 0.
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
// of its tag: seconds since 1970, a date, or a duration as text. Everything else
// is left to encoding/json.
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

// expectedAs says what a value with a format looks like.
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

// formatted reports whether the format changes what JSON means in a value of
// the type, or in a list of them.
func formatted(t reflect.Type, format string) bool {
	t = fields.Deref(t)
	for !isText(t) && !endless(t) && (t.Kind() == reflect.Slice || t.Kind() == reflect.Array) {
		t = fields.Deref(t.Elem())
	}
	return t == timeType && (format == "unix" || format == "date") || t == durationType && format == "duration"
}
