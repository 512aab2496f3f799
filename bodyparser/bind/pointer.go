package bind

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Errors name a place by a JSON pointer (RFC 6901) in the client's names.

// joinPointer returns the JSON pointer to the named part of path. It limits the
// length, so that a client cannot lengthen the response with made-up names.
func joinPointer(path, name string) string {
	const longest = 500
	if len(path)+len(name) > longest {
		if !strings.HasSuffix(path, "/...") {
			path += "/..."
		}
		return path
	}
	if strings.ContainsAny(name, "~/") {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	}
	return path + "/" + name
}

// unescapePointer undoes the escapes in one step of a pointer.
var unescapePointer = strings.NewReplacer("~1", "/", "~0", "~")

// keyName returns the client's name of a map key: its name in JSON.
func keyName(key reflect.Value) string {
	if key.Kind() == reflect.String {
		return key.String()
	}
	if m, ok := key.Interface().(encoding.TextMarshaler); ok {
		if text, err := m.MarshalText(); err == nil {
			return string(text)
		}
	}
	switch {
	case key.CanInt():
		return strconv.FormatInt(key.Int(), 10)
	case key.CanUint():
		return strconv.FormatUint(key.Uint(), 10)
	}
	return fmt.Sprint(key)
}
