package bind

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unsafe"
)

// The validator names a place by Go names, such as Items[0].Prices[a.b].Amount.
// Map keys may hold any characters, including the separators, so the value has
// to be walked to find where one ends. A key is looked up rather than searched
// for: in a large map full of mistakes a search would walk the map for each
// failure.

// A pointerFinder translates the validator's names to JSON pointers in the client's
// names.
type pointerFinder struct {
	src    source
	in     string                                      // the part of the request of the last one
	within reflect.Type                                // the struct around the last one
	keys   map[unsafe.Pointer]map[string]reflect.Value // of maps whose keys are not strings, by map and by text
}

// find returns the place in v of the validator's name where, and its part of
// the request.
func (p *pointerFinder) find(v reflect.Value, where, path string) (in, pointer string) {
	p.in = ""
	if p.src == fromQuery {
		p.in = "query"
	}
	pointer = p.pointer(v, where, path)
	return p.in, pointer
}

func (p *pointerFinder) pointer(v reflect.Value, where, path string) string {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		if v.IsNil() {
			return path
		}
		v = v.Elem()
	}
	if isOptional(v.Type()) {
		return p.pointer(v.FieldByName("Value"), where, path)
	}
	if where == "" {
		return path
	}
	if inside, ok := strings.CutPrefix(where, "["); ok {
		switch v.Kind() {
		case reflect.Slice, reflect.Array:
			index, rest, _ := strings.Cut(inside, "]")
			i, err := strconv.Atoi(index)
			if err != nil || i >= v.Len() {
				return path
			}
			return p.pointer(v.Index(i), strings.TrimPrefix(rest, "."), joinPointer(path, index))
		case reflect.Map:
			text, key := p.key(v, inside)
			if !key.IsValid() {
				return path
			}
			return p.pointer(v.MapIndex(key), strings.TrimPrefix(inside[len(text)+1:], "."), joinPointer(path, keyName(key)))
		}
		return path
	}
	if v.Kind() != reflect.Struct {
		return path
	}
	end := strings.IndexAny(where, ".[")
	if end < 0 {
		end = len(where)
	}
	p.within = v.Type()
	f, ok := v.Type().FieldByName(where[:end])
	if !ok {
		return path
	}
	if place, _ := placeOf(f); place != "" {
		p.in = place
		name, _, _ := strings.Cut(f.Tag.Get(place), ",")
		path = joinPointer(path, name)
	} else if !p.src.Promoted(f) {
		name, _ := p.src.Name(f)
		if name == "" {
			name = f.Name // hidden from clients, but with a rule
		}
		path = joinPointer(path, name)
	}
	return p.pointer(v.FieldByIndex(f.Index), strings.TrimPrefix(where[end:], "."), path)
}

// key returns the longest key of m whose text is followed by a bracket in inside,
// and the text. It is not valid if there is none. A key with more than most
// brackets is not found; each bracket costs a lookup.
func (p *pointerFinder) key(m reflect.Value, inside string) (text string, key reflect.Value) {
	const most = 32
	var ends []int
	for i := 0; i < len(inside) && len(ends) < most; i++ {
		if inside[i] == ']' {
			ends = append(ends, i)
		}
	}
	for len(ends) > 0 && !key.IsValid() {
		text, ends = inside[:ends[len(ends)-1]], ends[:len(ends)-1]
		key = p.lookup(m, text)
	}
	return text, key
}

// lookup returns the key with the validator's text.
func (p *pointerFinder) lookup(m reflect.Value, text string) reflect.Value {
	if t := m.Type().Key(); t.Kind() == reflect.String && t.NumMethod() == 0 {
		if key := reflect.ValueOf(text).Convert(t); m.MapIndex(key).IsValid() {
			return key
		}
		return reflect.Value{}
	}
	keys, ok := p.keys[m.UnsafePointer()]
	if !ok {
		keys = make(map[string]reflect.Value, m.Len())
		for iter := m.MapRange(); iter.Next(); {
			keys[fmt.Sprint(iter.Key())] = iter.Key()
		}
		if p.keys == nil {
			p.keys = map[unsafe.Pointer]map[string]reflect.Value{}
		}
		p.keys[m.UnsafePointer()] = keys
	}
	return keys[text]
}
