package bind

import (
	"cmp"
	"encoding"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A source is where a value comes from. A field may have different names for
// each.
type source int

const (
	fromJSON source = iota
	fromForm
	fromQuery // has the names of forms
)

// name returns what clients call a field, and whether they may set it. A form
// uses the schema tag, and the json tag where there is none: most types are
// meant for both. A field that either of the two hides from a client is hidden.
// Embedded structs without a name of their own have none: their fields are
// those of the struct around them.
func (s source) name(f reflect.StructField) (name string, settable bool) {
	tags := []string{"json"}
	if s != fromJSON {
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
		if name, _, _ := strings.Cut(value, ","); name != "" {
			return name, f.IsExported()
		}
	}
	if f.Anonymous && deref(f.Type).Kind() == reflect.Struct && !isText(f.Type) {
		return "", true
	}
	return f.Name, f.IsExported()
}

// promoted reports whether the fields of f are reached as if they were its
// parent's.
func (s source) promoted(f reflect.StructField) bool {
	name, settable := s.name(f)
	return name == "" && settable
}

// A member is a field that a client can name in an object, promoted ones
// included.
type member struct {
	name   string
	field  reflect.StructField
	index  []int // of the embedded structs that lead to it, and its own
	tagged bool  // the name is from a tag
}

// members returns what a client may set in a struct, in the order of the
// fields. Of several members with one name it is that which is embedded least
// deeply, then the one with a tag; if that leaves two, neither can be reached.
// These are the rules of encoding/json.
func (s source) members(t reflect.Type) []member {
	all := s.collect(t, nil, nil)
	slices.SortStableFunc(all, func(a, b member) int {
		return cmp.Or(cmp.Compare(a.name, b.name), a.rank()-b.rank())
	})
	var reachable []member
	for i := 0; i < len(all); {
		same := 1
		for i+same < len(all) && all[i+same].name == all[i].name {
			same++
		}
		if same == 1 || all[i].rank() < all[i+1].rank() {
			reachable = append(reachable, all[i])
		}
		i += same
	}
	slices.SortFunc(reachable, func(a, b member) int { return slices.Compare(a.index, b.index) })
	return reachable
}

func (m member) rank() int {
	rank := 2 * len(m.index)
	if !m.tagged {
		rank++
	}
	return rank
}

// quoted reports whether the json tag has the option "string".
func (m member) quoted() bool {
	_, options, _ := strings.Cut(m.field.Tag.Get("json"), ",")
	if !strings.Contains(","+options+",", ",string,") {
		return false
	}
	switch deref(m.field.Type).Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return true
	}
	return false
}

// collect returns the members of t and of the structs it embeds; around are
// those that embed t, for a type that embeds a pointer to itself.
func (s source) collect(t reflect.Type, index []int, around []reflect.Type) (all []member) {
	if slices.Contains(around, t) {
		return nil
	}
	around = append(around[:len(around):len(around)], t)
	for i := range t.NumField() {
		f := t.Field(i)
		at := append(index[:len(index):len(index)], i)
		switch name, settable := s.name(f); {
		case !settable:
		case name == "":
			all = append(all, s.collect(deref(f.Type), at, around)...)
		default:
			all = append(all, member{name, f, at, name != f.Name})
		}
	}
	return all
}

// names finds members by what a client calls them: the one that has the name
// exactly, else the first that differs in case only. It is how encoding/json
// looks them up.
type names struct {
	exact, folded map[string]int
}

func (n *names) add(name string, i int) {
	if n.exact == nil {
		n.exact, n.folded = map[string]int{}, map[string]int{}
	}
	if _, taken := n.exact[name]; !taken {
		n.exact[name] = i
	}
	if folded := string(appendFold(nil, name)); !has(n.folded, folded) {
		n.folded[folded] = i
	}
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, ok := m[key]
	return ok
}

func (n *names) find(name string) (int, bool) {
	if i, ok := n.exact[name]; ok {
		return i, true
	}
	var room [64]byte
	i, ok := n.folded[string(appendFold(room[:0], name))]
	return i, ok
}

// appendFold appends the name in the form that all names have which differ from
// it in case only.
func appendFold(dst []byte, name string) []byte {
	for _, r := range name {
		for next := unicode.SimpleFold(r); ; next = unicode.SimpleFold(r) {
			first := next <= r
			if r = next; first {
				break
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// deref returns the type that pointers and Optionals lead to.
func deref(t reflect.Type) reflect.Type {
	for {
		if t = pointed(t); !isOptional(t) {
			return t
		}
		t, _ = optionalOf(t)
	}
}

// pointed returns the type that pointers lead to.
func pointed(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

// endless reports whether the elements of a list or a map are such lists or maps
// again, without an end to it: type tree map[string]tree. They lead to no struct.
func endless(t reflect.Type) bool {
	for range 100 {
		switch t.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
			t = t.Elem()
		default:
			return false
		}
	}
	return true
}

var (
	jsonUnmarshaler = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	timeType        = reflect.TypeFor[time.Time]()
	durationType    = reflect.TypeFor[time.Duration]()
	numberType      = reflect.TypeFor[json.Number]()
)

// isText reports whether a value of the type is read from text by itself.
func isText(t reflect.Type) bool {
	return reflect.PointerTo(deref(t)).Implements(textUnmarshaler)
}

// isJSON reports whether a value of the type reads JSON by itself.
func isJSON(t reflect.Type) bool {
	return reflect.PointerTo(deref(t)).Implements(jsonUnmarshaler)
}

// isBytes reports whether JSON has a value of the type as a string in base64.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8 && !isText(t.Elem()) && !isJSON(t.Elem())
}

// expected says what a value of the type looks like, for a message.
func expected(t reflect.Type) string {
	t = deref(t)
	switch {
	case t.PkgPath() == "time" && t.Name() == "Time":
		return "must be a date and time such as 2006-01-02T15:04:05Z"
	case t == numberType:
		return "must be a number"
	case isJSON(t), isText(t):
		return "has the wrong form"
	case isBytes(t):
		return "must be a string in base64"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "must be true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "must be a whole number in range"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return "must be a whole number in range, and not negative"
	case reflect.Float32, reflect.Float64:
		return "must be a number"
	case reflect.String:
		return "must be a string"
	case reflect.Slice, reflect.Array:
		return "must be an array"
	case reflect.Struct, reflect.Map:
		return "must be an object"
	}
	return "has the wrong type"
}

// step returns the JSON pointer to the named part of what path points to. A
// client that makes up names does not get to make the answer longer with them
// than this.
func step(path, name string) string {
	const longest = 500
	if len(path)+len(name) > longest {
		if !strings.HasSuffix(path, "/...") {
			path += "/..."
		}
		return path
	}
	if strings.ContainsAny(name, "~/") {
		name = strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
	}
	return path + "/" + name
}
