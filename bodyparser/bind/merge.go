package bind

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/apiece/apiece/bodyparser"
)

// Merge updates a record from the body of a PATCH request; see [Binder.Merge].
func Merge[T any](r *http.Request, record *T) error {
	b, err := standardBinder[T]()
	if err != nil {
		return err
	}
	return b.Merge(r, record)
}

// Merge updates a record from the body of a PATCH request, a JSON Merge Patch
// (RFC 7396): a missing member leaves its field unchanged, null clears it, and
// any other value sets it. Objects are merged into existing structs and maps,
// arrays replace lists. The rules are checked on the result.
//
// An object for a type with its own JSON method is merged into the JSON of its
// value, which the method then reads. A type that cannot read its own JSON is an
// error of status 500.
//
// Fields that were cleared, or were new, have their defaults, as in
// [Binder.Body]; but a cleared pointer is nil.
//
// The record changes only if there is no error. Lists, maps and the targets of
// pointers are then replaced, never modified, so that an earlier copy of the
// record keeps its values. A field that JSON cannot name keeps its value.
//
// The type of the body is application/merge-patch+json, or any other JSON; forms
// have no null, and are an error of status 415. Use the rule required for a
// field that null must not clear. No body is a patch that changes nothing.
//
// A request that does not fit gives [*Errors], with status 400 or 422.
func (b *Binder[T]) Merge(r *http.Request, record *T) error {
	return b.withMessages(r, b.merge(r, record))
}

func (b *Binder[T]) merge(r *http.Request, record *T) error {
	body, err := bodyparser.Parse(nil, r, b.cfg.Parser)
	if err != nil {
		return err
	}
	var patch json.RawMessage
	if body.Present() || body.MediaType() != "" {
		if err := body.Decode(&patch); err != nil {
			return err
		}
	}
	if !body.Present() {
		patch = nil
	}
	result := *record
	m := merger{codec: &b.json, cursor: cursor{text: string(bytes.TrimSpace(patch))}, unmarshal: b.cfg.Parser.Unmarshal}
	if m.unmarshal == nil {
		m.unmarshal = json.Unmarshal
	}
	if err := m.mergeBody(b.bodyType, reflect.ValueOf(&result).Elem()); err != nil {
		return err
	}
	if b.pointers {
		m.errs = nilElements(reflect.ValueOf(&result).Elem(), "", nil)
	}
	if err := fieldErrors(http.StatusBadRequest, m.errs, nil); err != nil {
		return err
	}
	if err := b.validate(r, &result, fromJSON, nil, nil); err != nil {
		return err
	}
	*record = result
	return nil
}

// A merger merges JSON into values, which it may modify; it copies the targets
// of their pointers first. It reads the text once, from start to end.
type merger struct {
	*codec
	cursor
	unmarshal func([]byte, any) error
	errs      []FieldError
	fault     error // of the type
}

func (m *merger) report(path, rule, message string) {
	if len(m.errs) < maxFields {
		m.errs = append(m.errs, FieldError{Path: path, Rule: rule, Message: message})
	}
}

// mergeBody merges a whole body, nil if there is none. Fields from elsewhere keep
// their values.
func (m *merger) mergeBody(body bodyType, dst reflect.Value) error {
	if m.next() == 'n' {
		m.report("", "type", expected(dst.Type()))
	} else {
		created := false
		for dst.Kind() == reflect.Pointer {
			created = dst.IsNil()
			m.unshare(dst)
			dst = dst.Elem()
		}
		if len(body.placed) > 0 {
			if dst = reflect.ValueOf(body.over(dst)).Elem(); created {
				m.reset(dst)
			}
		}
		if m.text != "" {
			m.value(dst, "", false, "")
		}
	}
	return cmp.Or(m.fault, fieldErrors(http.StatusBadRequest, m.errs, nil))
}

// value merges the next value. quoted is the option "string" of a json tag, and
// format the format tag.
func (m *merger) value(dst reflect.Value, path string, quoted bool, format string) {
	t, first := dst.Type(), m.next()
	null := first == 'n'
	switch {
	case isOptional(t):
		value, set, cleared := dst.FieldByName("Value"), dst.FieldByName("Set"), dst.FieldByName("Null")
		if !set.Bool() || cleared.Bool() {
			m.reset(value)
		}
		if null {
			m.cursor.value()
			value.SetZero()
		} else {
			m.value(value, path, false, format)
		}
		set.SetBool(true)
		cleared.SetBool(null)
	case null:
		m.cursor.value()
		m.reset(dst)
	case t.Kind() == reflect.Pointer:
		m.unshare(dst)
		m.value(dst.Elem(), path, quoted, format)
	case isJSON(t) && first == '{':
		m.mergeByMethod(dst, m.cursor.value(), path)
	case isJSON(t), isText(t):
		m.replace(dst, m.cursor.value(), path, quoted, format)
	case t.Kind() == reflect.Struct:
		m.object(dst, path)
	case t.Kind() == reflect.Map:
		m.table(dst, path, format)
	case t.Kind() == reflect.Interface && t.NumMethod() == 0:
		old := dst.Interface()
		if m.replace(dst, m.cursor.value(), path, quoted, format) && dst.Interface() != nil {
			dst.Set(reflect.ValueOf(mergeAny(old, dst.Interface())))
		}
	default:
		m.replace(dst, m.cursor.value(), path, quoted, format)
	}
}

// unshare gives a pointer its own copy of the target.
func (m *merger) unshare(p reflect.Value) {
	own := reflect.New(p.Type().Elem())
	if p.IsNil() {
		m.reset(own.Elem())
	} else {
		own.Elem().Set(p.Elem())
	}
	p.Set(own)
}

// reset sets dst to the value of an absent field: zero, except for the defaults
// in it.
func (m *merger) reset(dst reflect.Value) {
	dst.SetZero()
	if o := m.objects[dst.Type()]; o != nil {
		m.defaults(dst, o, nil)
	}
}

// defaults sets missing members to their defaults.
func (m *merger) defaults(dst reflect.Value, o *object, given []bool) {
	if m.rewrite {
		text := slices.Concat([]byte("{"), m.absent(nil, o, given, false), []byte("}"))
		m.fault = cmp.Or(m.fault, json.Unmarshal(text, dst.Addr().Interface()))
	}
}

// replace decodes a value that replaces the old one, and reports whether it
// fits.
func (m *merger) replace(dst reflect.Value, patch, path string, quoted bool, format string) bool {
	t := dst.Type()
	v := reflect.New(t)
	decoded, text := v.Elem(), []byte(patch)
	if format != "" {
		w := completer{codec: m.codec, cursor: cursor{text: patch}}
		w.value(t, format)
		text = append(w.out, w.text[w.done:]...)
	}
	if quoted { // the option applies to the field
		tag := reflect.StructTag(`json:"v,string"`)
		v = reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: t, Tag: tag}}))
		decoded, text = v.Elem().Field(0), slices.Concat([]byte(`{"v":`), text, []byte("}"))
	}
	err := m.unmarshal(text, &decoding{m.codec, v.Interface()})
	dst.Set(decoded)
	if err == nil {
		return true
	}
	w := typeChecker{codec: m.codec, cursor: cursor{text: patch}}
	w.value(t, &position{path: path}, quoted, format)
	for _, f := range w.found {
		m.report(f.Path, f.Rule, f.Message)
	}
	if len(w.found) == 0 {
		m.report(path, "type", expected(t))
	}
	return false
}

// opens skips the bracket of an object. Given another value, it reports an error,
// skips the value, and returns false.
func (m *merger) opens(t reflect.Type, path string) bool {
	if m.accept('{') {
		return true
	}
	m.cursor.value()
	m.report(path, "type", expected(t))
	return false
}

func (m *merger) object(dst reflect.Value, path string) {
	if !m.opens(dst.Type(), path) {
		return
	}
	o := m.objects[dst.Type()]
	for ; !m.accept('}') && m.pos < len(m.text); m.accept(',') {
		name := m.name()
		i, ok := o.names.find(name)
		if !ok {
			if m.cursor.value(); m.strict {
				m.report(joinPointer(path, name), "unknown", "is not a field of this request")
			}
			continue
		}
		to := &o.members[i]
		field, created := m.reach(dst, to.Index)
		if created > 0 {
			given := make([]bool, len(o.members))
			for j, other := range o.members {
				given[j] = len(other.Index) <= created || !slices.Equal(other.Index[:created], to.Index[:created])
			}
			m.defaults(dst, o, given)
		}
		at := joinPointer(path, to.Name)
		if m.next() == 'n' && o.defaults[i] != "" && field.Kind() != reflect.Pointer && !isOptional(field.Type()) {
			m.cursor.value()
			m.replace(field, o.defaults[i], at, o.quoted[i], "")
			continue
		}
		m.value(field, at, o.quoted[i], o.formats[i])
	}
}

// reach returns the field of v at the index. It copies structs that v embeds by
// pointer; created is how much of the index leads to a new one.
func (m *merger) reach(v reflect.Value, index []int) (field reflect.Value, created int) {
	for i, at := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() && created == 0 {
				created = i
			}
			m.unshare(v)
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v, created
}

func (m *merger) table(dst reflect.Value, path, format string) {
	t := dst.Type()
	if !m.opens(t, path) {
		return
	}
	own, keys := reflect.MakeMapWithSize(t, dst.Len()), m.keysOf(t)
	for entry := dst.MapRange(); entry.Next(); {
		own.SetMapIndex(entry.Key(), entry.Value())
	}
	for ; !m.accept('}') && m.pos < len(m.text); m.accept(',') {
		name := m.name()
		at := joinPointer(path, name)
		key, ok := keyOf(name, t)
		if !ok {
			m.cursor.value()
			m.report(at, "type", "is not a name that fits")
			continue
		}
		if keys.twice(name) {
			m.report(at, "duplicate", twoNames)
		}
		if m.next() == 'n' {
			m.cursor.value()
			own.SetMapIndex(key, reflect.Value{})
			continue
		}
		element := reflect.New(t.Elem()).Elem()
		if old := own.MapIndex(key); old.IsValid() {
			element.Set(old)
		} else {
			m.reset(element)
		}
		m.value(element, at, false, format)
		own.SetMapIndex(key, element)
	}
	dst.Set(own)
}

// mergeAny is the function MergePatch of RFC 7396, section 2, for values of
// JSON types.
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
