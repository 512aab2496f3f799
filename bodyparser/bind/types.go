package bind

import (
	"encoding"
	"encoding/json"
	"reflect"
	"time"

	"github.com/apiece/apiece/internal/fields"
)

// derefPointers returns the type that pointers lead to.
func derefPointers(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// endless reports whether a list or a map nests itself without end: type tree
// map[string]tree. Such types lead to no struct.
func endless(t reflect.Type) bool {
	for range 100 {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return false
		}
	}
	return true
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	numberType      = reflect.TypeFor[json.Number]()
)

// isText reports whether the type has its own method for text.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(fields.Deref(t)).Implements(textUnmarshaler)
}

// isJSON reports whether the type has its own method for JSON.
func isJSON(t reflect.Type) bool {
	return reflect.PointerTo(fields.Deref(t)).Implements(jsonUnmarshaler)
}

// isBytes reports whether the JSON of the type is a base64 string.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !isText(t.Elem()) && !isJSON(t.Elem())
}

// expected describes a value of the type, for a message.
func expected(t reflect.Type) string {
	t = fields.Deref(t)
	switch {
	case t.PkgPath() == "time" && t.Name() == "Time":
		return "must be a date and time such as 2006-01-02T15:04:05Z"
	case t == numberType:
		return "must be a number"
	case isJSON(t), isText(t):
		return "has the wrong form"
	case isBytes(t):
		return "must be a string in base64"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "must be a whole number in range"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "must be a whole number in range, and not negative"
	case reflect.Float32, reflect.Float64:
		return "must be a number"
	case reflect.String:
		return "must be a string"
	case reflect.Slice, reflect.Array:
		return "must be an array"
	case reflect.Struct, reflect.Map:
		return "must be an object"
	}
	return "has the wrong type"
}
