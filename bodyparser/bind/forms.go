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

// A reading is a form or a query that is being read.
type reading struct {
	limits
	in     string // the place, for errors
	strict bool
	json   *codec // for texts that are JSON
	count  int    // of elements so far
	trees  []tree
	wrong  []FieldError
	cause  error
}

// A tree is the input of a form or a query.
type tree struct {
	in   string
	root *node
	top  *given
}

func (r *reading) report(path, rule, message string) {
	if len(r.wrong) < enough {
		r.wrong = append(r.wrong, FieldError{In: r.in, Path: path, Rule: rule, Message: message})
	}
}

// err returns the errors.
func (r *reading) err() error { return wrong(http.StatusBadRequest, r.wrong, r.cause) }

// read reads the values into dst, a struct.
func (r *reading) read(root *node, values url.Values, dst reflect.Value) {
	g := new(given)
	r.trees = append(r.trees, tree{r.in, root, g})
	before := len(r.wrong)
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(values[key]) > 0 { // a name without a text is absent
			r.add(root, g, key, values[key])
		}
	}
	if len(r.wrong) == before {
		r.record(root, g, dst)
	}
}

// renumber puts the client's numbers into the path of a field that broke a rule.
func (r *reading) renumber(f *FieldError) {
	if r == nil {
		return
	}
	for _, t := range r.trees {
		if t.in == f.In {
			f.Path = t.top.path(t.root, f.Path)
		}
	}
}

// path returns a path below g with the client's numbers for the elements of
// lists.
func (g *given) path(n *node, path string) string {
	if path == "" || n == nil {
		return path
	}
	name, rest, more := strings.Cut(path[1:], "/")
	if more {
		rest = "/" + rest
	}
	name = unescapeStep.Replace(name)
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
	return step("", name) + part.path(below, rest)
}

// inOrder returns the parts of a list.
func (g *given) inOrder() []*given {
	return slices.SortedFunc(maps.Values(g.parts), func(a, b *given) int { return cmp.Compare(a.number, b.number) })
}

// set reads the input for a place into v.
func (r *reading) set(n *node, g *given, v reflect.Value) {
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
		r.convert(n.conv, g.last(), v, g.pointer)
	case list:
		r.list(n, g, v)
	case record:
		if g.values != nil {
			r.text(g.last(), v, g.pointer)
		} else {
			r.record(n, g, v)
		}
	case table:
		if g.values != nil {
			r.text(g.last(), v, g.pointer)
		} else {
			r.table(n, g, v)
		}
	}
}

func (r *reading) convert(c *converter, text string, v reflect.Value, pointer string) {
	if isJSON(c.typ) && (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) {
		if rule, message, err := r.json.broken(text); message != "" {
			r.cause = cmp.Or(r.cause, err)
			r.report(pointer, rule, message)
			return
		}
	}
	if err := c.convert(text, v); err != nil {
		r.cause = cmp.Or(r.cause, err)
		r.report(pointer, "type", c.expected)
	}
}

// record reads the fields of a struct. Absent and empty fields get their
// defaults.
func (r *reading) record(n *node, g *given, v reflect.Value) {
	for i := range n.fields {
		f := &n.fields[i]
		part := g.parts[f.name]
		switch {
		case part != nil && (!part.empty(f.node) || isOptional(f.typ)):
			r.set(f.node, part, f.of(v))
		case f.defaults != nil:
			r.set(f.node, &given{pointer: step(g.pointer, f.name), values: f.defaults}, f.of(v))
		case f.nested() && f.node.defaults:
			r.record(f.node, &given{pointer: step(g.pointer, f.name)}, f.of(v))
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
func (r *reading) list(n *node, g *given, v reflect.Value) {
	var elements []*given
	switch {
	case len(g.parts) > 0:
		elements = g.inOrder()
		if r.rows >= 0 && len(elements) > r.rows {
			r.report(g.pointer, "index", "must not have more than "+strconv.Itoa(r.rows)+" elements by index")
			return
		}
		r.count += len(elements)
	case n.elem.kind != leaf && len(g.values) == 1 && strings.HasPrefix(g.values[0], "["):
		r.text(g.values[0], v, g.pointer)
		return
	default:
		texts, commas := g.values, 0
		if n.elem.kind == leaf && n.elem.conv.numeric {
			for _, text := range texts {
				commas += strings.Count(text, ",")
			}
		}
		if r.count += commas; r.elements >= 0 && r.count > r.elements {
			break
		}
		if commas > 0 {
			texts = strings.Split(strings.Join(texts, ","), ",")
		}
		all := make([]given, len(texts))
		for i := range all {
			all[i] = given{pointer: step(g.pointer, strconv.Itoa(i)), values: texts[i : i+1]}
			elements = append(elements, &all[i])
		}
	}
	if r.elements >= 0 && r.count > r.elements {
		if r.cause != errElements {
			r.cause = errElements
			r.report("", "index", "has lists of too many elements")
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
			r.report(g.pointer, "type", "must not have more than "+strconv.Itoa(v.Len())+" elements")
			return
		}
		r.element(n.elem, e, v.Index(int(at)))
	}
}

var errElements = errors.New("lists of more elements than Config.Elements allows")

// element reads an element of a list or a map. An empty one keeps its place:
// nil for a pointer, else what the type makes of an empty text, or zero.
func (r *reading) element(n *node, g *given, v reflect.Value) {
	if g.empty(n) && !isOptional(v.Type()) && (v.Kind() == reflect.Pointer || n.kind == list || n.kind == table || n.kind == leaf && !n.conv.text) {
		return
	}
	r.set(n, g, v)
}

// table reads the entries of a map.
func (r *reading) table(n *node, g *given, v reflect.Value) {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(g.parts)))
	for _, name := range slices.Sorted(maps.Keys(g.parts)) {
		part := g.parts[name]
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		if err := n.conv.convert(name, key); err != nil {
			r.report(part.pointer, "type", "is not a name that fits")
			continue
		}
		if v.MapIndex(key).IsValid() {
			r.report(part.pointer, "duplicate", twoNames)
		}
		r.element(n.elem, part, value)
		v.SetMapIndex(key, value)
	}
}

// text reads JSON that a form has for a value of several parts, as a page with
// a script sends it.
func (r *reading) text(text string, v reflect.Value, pointer string) {
	found, err := r.json.field(text, v, pointer)
	for _, f := range found {
		r.report(f.Path, f.Rule, f.Message)
	}
	r.cause = cmp.Or(r.cause, err)
}
