package bind

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/apiece/apiece/bodyparser"
)

// Merge changes a record by the body of a PATCH request; see [Binder.Merge].
func Merge[T any](r *http.Request, record *T) error {
	b, err := standard[T]()
	if err != nil {
		return err
	}
	return b.Merge(r, record)
}

// Merge changes a record by the body of a PATCH request, which is a JSON Merge
// Patch (RFC 7396): a member that is left out leaves its field as it is, null
// clears it, and any other value becomes its value. Objects are merged into the
// structs and maps that are there, arrays take the place of lists. The rules
// are checked on the result.
//
// The record is changed only if there is no error. Lists, maps and what pointers
// lead to are replaced then, never written to, so that a copy of the record from
// before keeps its values. A field that JSON cannot name keeps its value.
//
// The type of the body is application/merge-patch+json, or any other JSON; forms
// have no null, and are an error of status 415. A field that null must not clear
// has the rule required. No body is a patch that changes nothing.
//
// What does not fit is [*Errors], with status 400 or 422.
func (b *Binder[T]) Merge(r *http.Request, record *T) error {
	body, err := bodyparser.Parse(nil, r, b.cfg.Parser)
	if err != nil {
		return err
	}
	patch := json.RawMessage("{}")
	if body.Present() || body.MediaType() != "" {
		if err := body.Decode(&patch); err != nil {
			return err
		}
	}
	m := merger{strict: b.cfg.Strict, unmarshal: b.cfg.Parser.Unmarshal, members: map[reflect.Type][]member{}}
	if m.unmarshal == nil {
		m.unmarshal = json.Unmarshal
	}
	result := *record
	m.value(reflect.ValueOf(&result).Elem(), bytes.TrimSpace(patch), "", false)
	err = wrong(http.StatusBadRequest, m.wrong, nil)
	if err == nil {
		err = b.finish(r, &result, fromJSON)
	}
	if err != nil {
		return b.worded(r, err)
	}
	*record = result
	return nil
}

// A merger merges JSON into values, which it may write to; what they point to
// it copies first.
type merger struct {
	strict    bool
	unmarshal func([]byte, any) error
	members   map[reflect.Type][]member
	wrong     []FieldError
}

func (m *merger) report(path, rule, message string) {
	if len(m.wrong) < maxFields {
		m.wrong = append(m.wrong, FieldError{Path: path, Rule: rule, Message: message})
	}
}

// value merges one value. quoted is the option "string" of a json tag.
func (m *merger) value(dst reflect.Value, patch json.RawMessage, path string, quoted bool) {
	t := dst.Type()
	_, isOptional := optionalOf(t)
	null := string(patch) == "null"
	switch {
	case null && path == "":
		m.report(path, "type", expected(t))
	case isOptional:
		m.replace(dst, patch, path, quoted)
	case null:
		dst.SetZero()
	case t.Kind() == reflect.Pointer:
		unshare(dst)
		m.value(dst.Elem(), patch, path, quoted)
	case reflect.PointerTo(t).Implements(jsonUnmarshaler), isText(t):
		m.replace(dst, patch, path, quoted)
	case t.Kind() == reflect.Struct:
		m.object(dst, patch, path)
	case t.Kind() == reflect.Map:
		m.dictionary(dst, patch, path)
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		var v any
		if err := m.unmarshal(patch, &v); err != nil {
			m.report(path, "type", expected(t))
			return
		}
		dst.Set(reflect.ValueOf(mergeAny(dst.Interface(), v)))
	default:
		m.replace(dst, patch, path, quoted)
	}
}

// unshare gives a pointer a target of its own, with the value of the old one.
func unshare(p reflect.Value) {
	own := reflect.New(p.Type().Elem())
	if !p.IsNil() {
		own.Elem().Set(p.Elem())
	}
	p.Set(own)
}

// replace decodes a value that nothing is merged with.
func (m *merger) replace(dst reflect.Value, patch json.RawMessage, path string, quoted bool) {
	t := dst.Type()
	v := reflect.New(t)
	decoded := v.Elem()
	if quoted { // the option is one of a field
		tag := reflect.StructTag(`json:"v,string"`)
		v = reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: t, Tag: tag}}))
		decoded = v.Elem().Field(0)
		patch = slices.Concat([]byte(`{"v":`), patch, []byte("}"))
	}
	err := m.unmarshal(patch, v.Interface())
	dst.Set(decoded)
	if err == nil && !m.strict {
		return
	}
	var found []FieldError
	if !quoted {
		found = mistakes(string(patch), t, m.strict)
	}
	for _, f := range found {
		m.report(path+f.Path, f.Rule, f.Message)
	}
	if err != nil && len(found) == 0 {
		m.report(path, "type", expected(t))
	}
}

// each calls member with the members of an object. What is none is reported.
func (m *merger) each(t reflect.Type, patch json.RawMessage, path string, member func(name string, value json.RawMessage)) {
	d := json.NewDecoder(bytes.NewReader(patch))
	if token, err := d.Token(); err != nil || token != json.Delim('{') {
		m.report(path, "type", expected(t))
		return
	}
	for d.More() {
		key, _ := d.Token()
		name, _ := key.(string)
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return
		}
		member(name, value)
	}
}

func (m *merger) object(dst reflect.Value, patch json.RawMessage, path string) {
	t := dst.Type()
	members, ok := m.members[t]
	if !ok {
		members = fromJSON.members(t)
		m.members[t] = members
	}
	m.each(t, patch, path, func(name string, value json.RawMessage) {
		to, ok := find(members, name)
		if !ok {
			if m.strict {
				m.report(step(path, name), "unknown", "is not a field of this request")
			}
			return
		}
		m.value(reach(dst, to), value, step(path, to.name), isQuoted(to.field))
	})
}

// reach returns the field of v that a member is. Structs that v embeds by a
// pointer become its own.
func reach(v reflect.Value, to *member) reflect.Value {
	for _, name := range to.path {
		if v = v.FieldByName(name); v.Kind() == reflect.Pointer {
			unshare(v)
			v = v.Elem()
		}
	}
	return v.FieldByIndex(to.field.Index)
}

func (m *merger) dictionary(dst reflect.Value, patch json.RawMessage, path string) {
	t := dst.Type()
	own := reflect.MakeMapWithSize(t, dst.Len())
	for entry := dst.MapRange(); entry.Next(); {
		own.SetMapIndex(entry.Key(), entry.Value())
	}
	m.each(t, patch, path, func(name string, value json.RawMessage) {
		at := step(path, name)
		text, _ := json.Marshal(map[string]any{name: nil})
		one := reflect.New(t)
		if json.Unmarshal(text, one.Interface()) != nil || one.Elem().Len() != 1 {
			m.report(at, "type", "is not a name that fits")
			return
		}
		key := one.Elem().MapKeys()[0]
		if string(value) == "null" {
			own.SetMapIndex(key, reflect.Value{})
			return
		}
		element := reflect.New(t.Elem()).Elem()
		if old := own.MapIndex(key); old.IsValid() {
			element.Set(old)
		}
		m.value(element, value, at, false)
		own.SetMapIndex(key, element)
	})
	dst.Set(own)
}

// mergeAny is the function MergePatch of RFC 7396, section 2, for values of
// which only JSON knows the type.
func mergeAny(target, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	object, _ := target.(map[string]any)
	if object = maps.Clone(object); object == nil {
		object = map[string]any{}
	}
	for name, value := range changes {
		if value == nil {
			delete(object, name)
		} else {
			object[name] = mergeAny(object[name], value)
		}
	}
	return object
}
