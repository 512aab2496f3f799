package bind

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/apiece/apiece/internal/fields"
)

// kind is how a form represents a value.
type kind int

const (
	leaf   kind = iota // one text
	list               // one or more texts for each element
	record             // a struct: parts with the names of its fields
	table              // a map: parts with any names
)

// A node is a type prepared for forms, without the pointers to it.
type node struct {
	kind     kind
	typ      reflect.Type
	conv     *converter // of a leaf; of the keys of a table
	elem     *node      // of lists and tables
	fields   []field    // of a record
	names    nameIndex
	defaults bool // a field of the record, or of a struct in it, has a default
}

// A field is a field of a struct that a form may set.
type field struct {
	name     string
	index    []int // through embedded structs
	typ      reflect.Type
	node     *node
	parts    []string // of a name with separators of keys in it
	defaults []string // the texts of its default, nil if it has none
}

// find returns the field that the names refer to, and the remaining names.
func (n *node) find(names []string) (f *field, rest []string) {
	for i := range n.fields { // almost no field has a name of several parts
		if f := &n.fields[i]; len(f.parts) > 1 && len(names) >= len(f.parts) {
			same := true
			for j, part := range f.parts {
				same = same && strings.EqualFold(part, names[j])
			}
			if same {
				return f, names[len(f.parts):]
			}
		}
	}
	i, ok := n.names.find(names[0])
	if !ok {
		return nil, names
	}
	return &n.fields[i], names[1:]
}

// A builder makes nodes.
type builder struct {
	nodes  map[nodeKey]*node
	noForm []error // why no form can carry it
	faults []error // why nothing can carry it
}

type nodeKey struct {
	typ    reflect.Type
	format string
}

func (b *builder) cannot(where, why string) {
	b.noForm = append(b.noForm, fmt.Errorf("bind: %s %s; hide it from forms with the tag schema:\"-\"", where, why))
}

func (b *builder) fault(format string, args ...any) {
	b.faults = append(b.faults, fmt.Errorf("bind: "+format, args...))
}

// node returns the node of a type, nil if a form cannot carry it. where names
// the field.
func (b *builder) node(t reflect.Type, format, where string) *node {
	t = fields.Deref(t)
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Invalid {
		return nil
	}
	key := nodeKey{t, format}
	if n, ok := b.nodes[key]; ok {
		return n
	}
	n := &node{typ: t}
	if b.nodes == nil {
		b.nodes = map[nodeKey]*node{}
	}
	b.nodes[key] = n
	switch {
	case isText(t), isJSON(t), isBytes(t): // no form reaches inside a type with its own method
		n.conv = newConverter(t, format)
	case t.Kind() == reflect.Struct:
		n.kind = record
		for _, m := range fromForm.Members(t) {
			b.field(n, t, m, m.Name, schemaTag)
		}
	case t.Kind() == reflect.Slice, t.Kind() == reflect.Array:
		n.kind, n.elem = list, b.node(t.Elem(), format, where)
		if n.elem == nil {
			n = nil
		}
	case t.Kind() == reflect.Map:
		n.kind, n.elem = table, b.node(t.Elem(), format, where)
		if n.conv = newConverter(t.Key(), ""); n.conv == nil || t.Key().Kind() == reflect.Bool || t.Key().Kind() == reflect.Float32 || t.Key().Kind() == reflect.Float64 {
			b.cannot(where, fmt.Sprintf("has keys of type %v, which a form cannot carry", t.Key()))
			n = nil
		} else if n.elem == nil {
			n = nil
		}
	default:
		if n.conv = newConverter(t, format); n.conv == nil {
			b.cannot(where, fmt.Sprintf("is of type %v, which a form cannot carry", t))
			n = nil
		}
	}
	b.nodes[key] = n
	return n
}

// field adds a member of the struct t to the record, with a name and the
// default of a tag.
func (b *builder) field(n *node, t reflect.Type, m member, name, tag string) {
	where := fmt.Sprintf("%v.%s", t, m.Field.Name)
	f := field{name: name, index: m.Index, typ: m.Field.Type}
	text, given := defaultOf(m.Field, tag)
	if f.node = b.node(m.Field.Type, m.Field.Tag.Get("format"), where); f.node == nil {
		if given {
			b.fault("%s cannot have a default, which is read as a form is", where)
		}
		return
	}
	if strings.ContainsAny(name, ".[]") {
		var ok bool
		if f.parts, ok = split(name); !ok {
			b.cannot(where, "has a name that no key of a form can have")
			return
		}
	}
	for option := range strings.SplitSeq(options(m.Field, tag), ",") {
		if option == "required" {
			b.cannot(where, `is required by its schema tag, which is not asked; use validate:"required"`)
		}
	}
	if given {
		f.defaults = b.defaults(f, text, where)
	}
	n.names.add(name, len(n.fields))
	n.fields = append(n.fields, f)
}

// hiddenPointer reports whether an embedded struct on the way to a field is
// behind a pointer that cannot be set.
func hiddenPointer(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := fields.Deref(t).Field(i)
		if f.Type.Kind() == reflect.Pointer && !f.IsExported() {
			return true
		}
		t = f.Type
	}
	return false
}

// finish returns the errors. By then it is known which records have defaults in
// nested structs.
func (b *builder) finish() (noForm, faults error) {
	for changed := true; changed; {
		changed = false
		for _, n := range b.nodes {
			if n == nil || n.defaults {
				continue
			}
			for _, f := range n.fields {
				if f.defaults != nil || f.nested() && f.node.defaults {
					n.defaults, changed = true, true
				}
			}
		}
	}
	return errors.Join(b.noForm...), errors.Join(b.faults...)
}

// nested reports whether the field is a struct that exists even if it was not
// given.
func (f *field) nested() bool {
	return f.node.kind == record && f.typ.Kind() == reflect.Struct && !isOptional(f.typ)
}

const schemaTag = "schema"

// options returns the tag after the name, without the default.
func options(f reflect.StructField, tag string) string {
	_, options, _ := strings.Cut(f.Tag.Get(tag), ",")
	options, _, _ = strings.Cut(options, "default:")
	return options
}

// defaultOf returns the default of a field: the last option of its tag,
// including commas.
func defaultOf(f reflect.StructField, tag string) (text string, ok bool) {
	_, options, _ := strings.Cut(f.Tag.Get(tag), ",")
	before, text, ok := strings.Cut(options, "default:")
	if before != "" && !strings.HasSuffix(before, ",") {
		return "", false
	}
	return text, ok
}

// defaults parses the default of a field with the decoder of its values: for a
// list, with a bar between the elements.
func (b *builder) defaults(f field, text, where string) []string {
	texts := []string{text}
	switch f.node.kind {
	case list:
		texts = strings.Split(text, "|")
	case record, table:
		b.fault("%s cannot have a default: it is no single value, and no list of them", where)
		return nil
	}
	d := newDefaultDecoder()
	d.set(f.node, &input{values: texts}, reflect.New(f.typ).Elem())
	if len(d.errs) > 0 {
		b.fault("the default %q of %s %s", text, where, d.errs[0].Message)
		return nil
	}
	return texts
}
