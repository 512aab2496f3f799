package bind

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Forms and queries are read in two steps. First the keys of the client are
// resolved against the type into a tree, in which every list has only the
// elements that were named, whatever their numbers: ten kilobytes of keys make at
// most ten kilobytes of elements. Then the tree is walked along the type, and
// gorilla/schema makes the values. So names are those of JSON unless the type has
// others, brackets (items[0][sku]) work like dots, an empty element keeps its
// place, and errors have the same paths as those for JSON.

// limits are the bounds of forms. A disabled bound is negative.
type limits struct {
	rows     int // parts of one list
	elements int // of all lists together, as far as indexes or commas make them
}

// A formDecoder decodes one form, or one query with other places.
type formDecoder struct {
	limits
	in     string // the place, for errors
	strict bool
	json   *codec // for texts that are JSON
	count  int    // of elements so far
	trees  []tree
	errs   []FieldError
	cause  error
}

// A tree is the input of a form or a query.
type tree struct {
	in   string
	root *node
	top  *input
}

// The defaults of the zero Config.
const (
	defaultMaxRows     = 100
	defaultMaxElements = 1000
)

func (b *Binder[T]) newFormDecoder(in string) *formDecoder {
	return &formDecoder{
		limits: limits{rows: cmp.Or(b.cfg.MaxRows, defaultMaxRows), elements: cmp.Or(b.cfg.MaxElements, defaultMaxElements)},
		in:     in, strict: b.cfg.Strict, json: &b.json,
	}
}

func (d *formDecoder) report(path, rule, message string) {
	if len(d.errs) < maxCollected {
		d.errs = append(d.errs, FieldError{In: d.in, Path: path, Rule: rule, Message: message})
	}
}

// err returns the errors.
func (d *formDecoder) err() error { return fieldErrors(http.StatusBadRequest, d.errs, d.cause) }

// decode decodes the values into dst, a struct.
func (d *formDecoder) decode(root *node, values url.Values, dst reflect.Value) {
	g := new(input)
	d.trees = append(d.trees, tree{d.in, root, g})
	before := len(d.errs)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(values[key]) > 0 { // a name without a text is absent
			d.add(root, g, key, values[key])
		}
	}
	if len(d.errs) == before {
		d.record(root, g, dst)
	}
}

// renumber puts the client's numbers into the path of a field that broke a rule.
func (d *formDecoder) renumber(f *FieldError) {
	if d == nil {
		return
	}
	for _, t := range d.trees {
		if t.in == f.In {
			f.Path = t.top.path(t.root, f.Path)
		}
	}
}

// path returns a path below g with the client's numbers for the elements of
// lists.
func (g *input) path(n *node, path string) string {
	if path == "" || n == nil {
		return path
	}
	name, rest, more := strings.Cut(path[1:], "/")
	if more {
		rest = "/" + rest
	}
	name = unescapePointer.Replace(name)
	part := g.parts[name]
	if n.kind == list && n.typ.Kind() == reflect.Slice {
		part = nil
		if i, err := strconv.Atoi(name); err == nil && i < len(g.parts) {
			part = g.inOrder()[i]
			name = strconv.FormatUint(part.number, 10)
		}
	}
	if part == nil {
		return path
	}
	below := n.elem
	if n.kind == record {
		below = nil
		for i := range n.fields {
			if f := &n.fields[i]; f.name == name {
				below = f.node
			}
		}
	}
	return joinPointer("", name) + part.path(below, rest)
}

// inOrder returns the parts of a list.
func (g *input) inOrder() []*input {
	return slices.SortedFunc(maps.Values(g.parts), func(a, b *input) int { return cmp.Compare(a.number, b.number) })
}

// set reads the input for a place into v.
func (d *formDecoder) set(n *node, g *input, v reflect.Value) {
	for {
		if isOptional(v.Type()) {
			v.FieldByName("Set").SetBool(true)
			if g.empty(n) {
				v.FieldByName("Null").SetBool(true)
				return
			}
			v = v.FieldByName("Value")
		}
		if v.Kind() != reflect.Pointer {
			break
		}
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	switch n.kind {
	case leaf:
		d.convert(n.conv, g.last(), v, g.pointer)
	case list:
		d.list(n, g, v)
	case record:
		if g.values != nil {
			d.text(g.last(), v, g.pointer)
		} else {
			d.record(n, g, v)
		}
	case table:
		if g.values != nil {
			d.text(g.last(), v, g.pointer)
		} else {
			d.table(n, g, v)
		}
	}
}

func (d *formDecoder) convert(c *converter, text string, v reflect.Value, pointer string) {
	if isJSON(c.typ) && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) {
		if rule, message, err := d.json.textError(text); message != "" {
			d.cause = cmp.Or(d.cause, err)
			d.report(pointer, rule, message)
			return
		}
	}
	if err := c.convert(text, v); err != nil {
		d.cause = cmp.Or(d.cause, err)
		d.report(pointer, "type", c.expected)
	}
}

// record reads the fields of a struct. Absent and empty fields get their
// defaults.
func (d *formDecoder) record(n *node, g *input, v reflect.Value) {
	for i := range n.fields {
		f := &n.fields[i]
		part := g.parts[f.name]
		switch {
		case part != nil && (!part.empty(f.node) || isOptional(f.typ)):
			d.set(f.node, part, f.of(v))
		case f.defaults != nil:
			d.set(f.node, &input{pointer: joinPointer(g.pointer, f.name), values: f.defaults}, f.of(v))
		case f.nested() && f.node.defaults:
			d.record(f.node, &input{pointer: joinPointer(g.pointer, f.name)}, f.of(v))
		}
	}
}

// of returns the field in a struct. Embedded pointers on the way are allocated.
func (f *field) of(v reflect.Value) reflect.Value {
	for i, at := range f.index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(at)
	}
	return v
}

// list reads the elements of a list: repeated texts of its name, or its parts in
// the order of their numbers, which in an array are indexes. One text may hold
// several numbers, separated by commas.
func (d *formDecoder) list(n *node, g *input, v reflect.Value) {
	var elements []*input
	switch {
	case len(g.parts) > 0:
		elements = g.inOrder()
		if d.rows >= 0 && len(elements) > d.rows {
			d.report(g.pointer, "index", "must not have more than "+strconv.Itoa(d.rows)+" elements by index")
			return
		}
		d.count += len(elements)
	case n.elem.kind != leaf && len(g.values) == 1 && strings.HasPrefix(g.values[0], "["):
		d.text(g.values[0], v, g.pointer)
		return
	default:
		texts, commas := g.values, 0
		if n.elem.kind == leaf && n.elem.conv.numeric {
			for _, text := range texts {
				commas += strings.Count(text, ",")
			}
		}
		if d.count += commas; d.elements >= 0 && d.count > d.elements {
			break
		}
		if commas > 0 {
			texts = strings.Split(strings.Join(texts, ","), ",")
		}
		all := make([]input, len(texts))
		for i := range all {
			all[i] = input{pointer: joinPointer(g.pointer, strconv.Itoa(i)), values: texts[i : i+1]}
			elements = append(elements, &all[i])
		}
	}
	if d.elements >= 0 && d.count > d.elements {
		if d.cause != errElements {
			d.cause = errElements
			d.report("", "index", "has lists of too many elements")
		}
		return
	}
	array := v.Kind() == reflect.Array
	if !array {
		v.Set(reflect.MakeSlice(v.Type(), len(elements), len(elements)))
	}
	for i, e := range elements {
		at := uint64(i)
		if array && len(g.parts) > 0 {
			at = e.number // the index in an array has a meaning
		}
		if at >= uint64(v.Len()) {
			d.report(g.pointer, "type", "must not have more than "+strconv.Itoa(v.Len())+" elements")
			return
		}
		d.element(n.elem, e, v.Index(int(at)))
	}
}

var errElements = errors.New("lists of more elements than Config.MaxElements allows")

// element reads an element of a list or a map. An empty one keeps its place:
// nil for a pointer, else what the type makes of an empty text, or zero.
func (d *formDecoder) element(n *node, g *input, v reflect.Value) {
	if g.empty(n) && !isOptional(v.Type()) && (v.Kind() == reflect.Pointer || n.kind == list || n.kind == table || n.kind == leaf && !n.conv.text) {
		return
	}
	d.set(n, g, v)
}

// table reads the entries of a map.
func (d *formDecoder) table(n *node, g *input, v reflect.Value) {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(g.parts)))
	for _, name := range slices.Sorted(maps.Keys(g.parts)) {
		part := g.parts[name]
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := n.conv.convert(name, key); err != nil {
			d.report(part.pointer, "type", "is not a name that fits")
			continue
		}
		if v.MapIndex(key).IsValid() {
			d.report(part.pointer, "duplicate", twoNames)
		}
		d.element(n.elem, part, value)
		v.SetMapIndex(key, value)
	}
}

// text reads JSON that a form has for a value of several parts, as a page with
// a script sends it.
func (d *formDecoder) text(text string, v reflect.Value, pointer string) {
	found, err := d.json.decodeField(text, v, pointer)
	for _, f := range found {
		d.report(f.Path, f.Rule, f.Message)
	}
	d.cause = cmp.Or(d.cause, err)
}
