// Package fields maps struct fields to their names in JSON and in forms. Package bind
// decodes by these names, and package typescript prints them.
package fields

import (
	"cmp"
	"encoding"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// A Source is where a value comes from. A field may have a different name in each.
type Source int

// The sources.
const (
	JSON Source = iota
	Form
	Query // uses the names of forms
)

// Name returns the name of a field, and whether clients may set it. A form uses the
// schema tag, or the json tag if there is none: most types are used for both. A field
// that either tag hides is hidden. An embedded struct without a name of its own has
// none: its fields are promoted.
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

// isName reports whether encoding/json accepts a name from a tag.
func isName(name string) bool {
	for _, r := range name {
		if !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return false
		}
	}
	return true
}

// Promoted reports whether the fields of f are promoted to its parent.
func (s Source) Promoted(f reflect.StructField) bool {
	name, settable := s.Name(f)
	return name == "" && settable
}

// A Member is a field that a client can name in an object, including promoted fields.
type Member struct {
	Name   string
	Field  reflect.StructField
	Index  []int // of the embedded structs that lead to it, and its own
	Tagged bool  // the name comes from a tag

	// Pointer says that a struct on the path is embedded by pointer: if that is nil,
	// the field does not exist.
	Pointer bool
}

// Members returns the fields of a struct that a client may set, in order. Of several
// with one name, the least deeply embedded wins, then the one with a tag; if two
// remain, neither is included. These are the rules of encoding/json.
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
		t = t.Elem() // one pointer, as in encoding/json
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// collect returns the members of t, embedded at at, and of the structs that it embeds;
// around are the types that embed t, for a type that embeds a pointer to itself.
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

// Place returns the place and name that a tag gives a field: "path", "query", "header"
// or "cookie". The place is "" for the body.
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

// Deref returns the type below pointers and Optionals.
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

// isText reports whether values of the type parse themselves from text.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(Deref(t)).Implements(reflect.TypeFor[encoding.TextUnmarshaler]())
}

// Placed returns the fields with a place, including those of embedded structs, with
// their names there.
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
