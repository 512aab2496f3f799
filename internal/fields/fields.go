// Package fields knows what clients call the fields of a struct, in JSON and in
// forms. Package bind decodes by these names, and package typescript prints them.
package fields

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A Source is where a value comes from. A field may have different names for
// each.
type Source int

// The sources.
const (
	JSON Source = iota
	Form
	Query // has the names of forms
)

// Name returns what clients call a field, and whether they may set it. A form
// uses the schema tag, and the json tag where there is none: most types are
// meant for both. A field that either of the two hides from a client is hidden.
// Embedded structs without a name of their own have none: their fields are
// those of the struct around them.
func (s Source) Name(f reflect.StructField) (name string, settable bool) {
	tags := []string{"json"}
	if s != JSON {
		tags = []string{"schema", "json"}
	}
	for _, tag := range tags {
		value, ok := f.Tag.Lookup(tag)
		if !ok {
			continue
		}
		if value == "-" {
			return "", false
		}
		if name, _, _ := strings.Cut(value, ","); name != "" && (tag != "json" || isName(name)) {
			return name, f.IsExported()
		}
	}
	if f.Anonymous && Deref(f.Type).Kind() == reflect.Struct && !isText(f.Type) {
		return "", true
	}
	return f.Name, f.IsExported()
}

// isName reports whether encoding/json takes a name from a tag.
func isName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// Promoted reports whether the fields of f are reached as if they were its
// parent's.
func (s Source) Promoted(f reflect.StructField) bool {
	name, settable := s.Name(f)
	return name == "" && settable
}

// A Member is a field that a client can name in an object, promoted ones
// included.
type Member struct {
	Name   string
	Field  reflect.StructField
	Index  []int // of the embedded structs that lead to it, and its own
	Tagged bool  // the name is from a tag

	// Pointer says that a struct on the way is embedded by pointer: without it
	// there is no field.
	Pointer bool
}

// Members returns what a client may set in a struct, in the order of the
// fields. Of several members with one name it is that which is embedded least
// deeply, then the one with a tag; if that leaves two, neither can be reached.
// These are the rules of encoding/json.
func (s Source) Members(t reflect.Type) []Member {
	all := s.collect(t, Member{}, nil)
	slices.SortStableFunc(all, func(a, b Member) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), a.rank()-b.rank())
	})
	var reachable []Member
	for i := 0; i < len(all); {
		same := 1
		for i+same < len(all) && all[i+same].Name == all[i].Name {
			same++
		}
		if same == 1 || all[i].rank() < all[i+1].rank() {
			reachable = append(reachable, all[i])
		}
		i += same
	}
	slices.SortFunc(reachable, func(a, b Member) int { return slices.Compare(a.Index, b.Index) })
	return reachable
}

func (m Member) rank() int {
	rank := 2 * len(m.Index)
	if !m.Tagged {
		rank++
	}
	return rank
}

// Quoted reports whether the json tag has the option "string".
func (m Member) Quoted() bool {
	_, options, _ := strings.Cut(m.Field.Tag.Get("json"), ",")
	if !strings.Contains(","+options+",", ",string,") {
		return false
	}
	t := m.Field.Type
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem() // one pointer, as encoding/json has it
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// collect returns the members of t, which at embeds, and of the structs that it
// embeds; around are those that embed t, for a type that embeds a pointer to itself.
func (s Source) collect(t reflect.Type, at Member, around []reflect.Type) (all []Member) {
	if slices.Contains(around, t) {
		return nil
	}
	around = append(around[:len(around):len(around)], t)
	for i := range t.NumField() {
		f := t.Field(i)
		m := Member{Field: f, Index: append(at.Index[:len(at.Index):len(at.Index)], i), Pointer: at.Pointer}
		switch name, settable := s.Name(f); {
		case !settable:
		case name == "":
			m.Pointer = m.Pointer || f.Type.Kind() == reflect.Pointer
			all = append(all, s.collect(Deref(f.Type), m, around)...)
		default:
			m.Name, m.Tagged = name, name != f.Name
			all = append(all, m)
		}
	}
	return all
}

// placeTags are the tags that name a place.
var placeTags = []string{"path", "query", "header", "cookie"}

// Place returns where a field comes from if a tag says so, and its name there:
// "path", "query", "header" or "cookie". The place is "" for the body.
func Place(f reflect.StructField) (place, name string) {
	for _, tag := range placeTags {
		if value, ok := f.Tag.Lookup(tag); ok {
			name, _, _ = strings.Cut(value, ",")
			return tag, name
		}
	}
	return "", ""
}

// Optional returns the T of a bind.Optional[T].
func Optional(t reflect.Type) (reflect.Type, bool) {
	if t.Kind() != reflect.Struct || t.NumField() != 3 || !strings.HasPrefix(t.Name(), "Optional[") ||
		!strings.HasSuffix(t.PkgPath(), "/bodyparser/bind") {
		return nil, false
	}
	return t.Field(0).Type, true
}

// Deref returns the type that pointers and Optionals lead to.
func Deref(t reflect.Type) reflect.Type {
	for {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		value, ok := Optional(t)
		if !ok {
			return t
		}
		t = value
	}
}

// isText reports whether a value of the type is read from text by itself.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(Deref(t)).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// Placed returns the fields that have a place, those of embedded structs included,
// with their names there.
func Placed(t reflect.Type) (all []Member) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if place, name := Place(f); place != "" {
			all = append(all, Member{Name: name, Field: f, Index: []int{i}, Tagged: true})
		} else if f.Anonymous && f.Type.Kind() == reflect.Struct {
			for _, m := range Placed(f.Type) {
				m.Index = append([]int{i}, m.Index...)
				all = append(all, m)
			}
		}
	}
	return all
}
