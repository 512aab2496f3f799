package bind

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"unsafe"
)

// A type with its own JSON method may set anything, often a whole value at once.
// So an object is merged into the JSON of the old value, and the method is called
// twice: with that JSON before the patch and after it. The difference is what the
// patch has changed. All else stays: there may be fields without a JSON name, and
// the targets of pointers may be shared.

// mergeByMethod merges an object into a value with its own JSON method.
func (m *merger) mergeByMethod(dst reflect.Value, patch, path string) {
	t := dst.Type()
	before, after := reflect.New(t).Elem(), reflect.New(t).Elem()
	text, err := json.Marshal(dst.Addr().Interface())
	if err != nil {
		text = []byte("null") // for an empty json.RawMessage
	}
	old, changes := decoded(text), decoded([]byte(patch))
	if _, isObject := old.(map[string]any); isObject {
		if len(changes.(map[string]any)) == 0 {
			return
		}
		reads := func(text []byte, dst reflect.Value) error {
			return m.unmarshal(text, &decoding{m.codec, dst.Addr().Interface()})
		}
		if err := reads(text, before); err != nil {
			m.fault = fmt.Errorf("bind: %v does not read its own JSON, into which a patch is to be merged: %w", t, err)
			return
		}
		if other, some := respelled(old, changes); some {
			same := reflect.New(t).Elem()
			if reads(appendJSON(nil, other), same) == nil && equal(before, same) {
				old = other
			}
		}
	}
	if m.replace(after, string(appendJSON(nil, mergeAny(old, changes))), path, false, "") {
		overlay(dst, before, after)
	}
}

// respelled returns an object with its names spelled as in the patch, if they
// differ only in case: most types treat them as the same object. some reports
// whether any do.
func respelled(old, changes any) (other any, some bool) {
	object, ok := old.(map[string]any)
	patch, also := changes.(map[string]any)
	if !ok || !also {
		return old, false
	}
	var all nameIndex
	keys := slices.Sorted(maps.Keys(object))
	for i, key := range keys {
		all.add(key, i)
	}
	object = maps.Clone(object)
	for name, change := range patch {
		i, ok := all.find(name)
		if !ok || keys[i] != name && has(patch, keys[i]) {
			continue
		}
		value, more := respelled(old.(map[string]any)[keys[i]], change)
		delete(object, keys[i])
		object[name] = value
		some = some || more || keys[i] != name
	}
	return object, some
}

// decoded returns valid JSON as an any, without loss.
func decoded(text []byte) (v any) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&v)
	return v
}

func appendJSON(out []byte, v any) []byte {
	b := bytes.NewBuffer(out)
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // it was made from JSON
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// overlay changes in dst what differs between before and after.
func overlay(dst, before, after reflect.Value) {
	t := dst.Type()
	switch {
	case equal(before, after):
	case t.Kind() == reflect.Struct && !isText(t) && len(fromJSON.Members(t)) > 0:
		for i := range t.NumField() {
			overlay(opened(dst.Field(i)), opened(before.Field(i)), opened(after.Field(i)))
		}
	case t.Kind() == reflect.Pointer && !dst.IsNil() && !before.IsNil() && !after.IsNil():
		own := reflect.New(t.Elem())
		own.Elem().Set(dst.Elem())
		overlay(own.Elem(), before.Elem(), after.Elem())
		dst.Set(own)
	case t.Kind() == reflect.Map && !after.IsNil():
		for entry := after.MapRange(); entry.Next(); {
			key := entry.Key()
			if from, to := before.MapIndex(key), dst.MapIndex(key); from.IsValid() && to.IsValid() {
				own := copied(to)
				overlay(own, copied(from), copied(entry.Value()))
				after.SetMapIndex(key, own)
			}
		}
		for entry := dst.MapRange(); entry.Next(); {
			if !before.MapIndex(entry.Key()).IsValid() && !after.MapIndex(entry.Key()).IsValid() {
				after.SetMapIndex(entry.Key(), entry.Value())
			}
		}
		dst.Set(after)
	default: // including structs that are one value, such as a time
		dst.Set(after)
	}
}

func equal(a, b reflect.Value) bool { return reflect.DeepEqual(a.Interface(), b.Interface()) }

// copied returns a settable copy of a value.
func copied(v reflect.Value) reflect.Value {
	own := reflect.New(v.Type()).Elem()
	own.Set(v)
	return own
}

// opened returns a field of a struct, exported or not.
func opened(f reflect.Value) reflect.Value {
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}
