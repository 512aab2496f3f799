package bind

import (
	"reflect"
	"strconv"
	"strings"
)

// A target is what a key resolves to.
type target struct {
	path    string       // for gorilla/schema
	pointer string       // for the client
	typ     reflect.Type // of the field, or of what the list holds
	list    bool
	index   int // of the value in the list, -1 if the key has none
}

// resolve finds what a key means. It returns nil for a key that means nothing
// in this type, and a FieldError for an index that no list can have.
func (f *formType) resolve(key string) (*target, *FieldError) {
	names, ok := split(key)
	if !ok {
		return nil, nil
	}
	to := target{index: -1}
	var path []string
	for t := f.typ; ; {
		m, ok := find(f.members[t], names[0])
		if !ok {
			return nil, nil
		}
		names = names[1:]
		for _, name := range append(m.path[:len(m.path):len(m.path)], m.field.Name) {
			field, _ := t.FieldByName(name)
			alias, _ := schemaName(field)
			path = append(path, alias)
			t = deref(field.Type)
		}
		to.pointer = step(to.pointer, m.name)

		to.list = t.Kind() == reflect.Slice && !isText(t)
		if to.list {
			t = deref(t.Elem())
			if len(names) > 0 && (names[0] != "" || len(names) > 1) {
				to.pointer = step(to.pointer, names[0])
				if to.index, ok = parseIndex(names[0]); !ok {
					return nil, &FieldError{Path: to.pointer, Rule: "index", Param: strconv.Itoa(maxIndex - 1),
						Message: "must be numbered from 0 to " + strconv.Itoa(maxIndex-1)}
				}
			}
			names = names[min(1, len(names)):]
		}
		if len(names) == 0 {
			to.typ = t
			break
		}
		if to.list {
			if to.index < 0 {
				return nil, nil
			}
			path = append(path, strconv.Itoa(to.index))
			to.index = -1
		}
	}
	to.path = strings.Join(path, ".")
	if !plain(to.typ) {
		return nil, nil
	}
	return &to, nil
}

// split cuts a key into its names: a.b[0][c] is a, b, 0, c. A list may end in
// empty brackets. It reports false for keys that are not made that way.
func split(key string) (names []string, ok bool) {
	for rest := key; ; {
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if len(names) == maxSegments || end == 0 {
			return nil, false
		}
		names = append(names, rest[:end])
		rest = rest[end:]
		for strings.HasPrefix(rest, "[") {
			name, after, closed := strings.Cut(rest[1:], "]")
			if !closed || strings.ContainsAny(name, "[.") || len(names) == maxSegments {
				return nil, false
			}
			names, rest = append(names, name), after
		}
		if rest == "" {
			return names, true
		}
		if rest[0] != '.' {
			return nil, false
		}
		rest = rest[1:]
	}
}

// plain reports whether gorilla/schema makes a value of the type from one text.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Struct, reflect.Array, reflect.Slice:
		return isText(t)
	}
	return false
}

func parseIndex(s string) (int, bool) {
	if s == "" || len(s) > 3 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.Atoi(s)
	return n, n < maxIndex
}
