package bind

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/gorilla/schema"
)

// Forms and queries are decoded by gorilla/schema, but no key of a client ever
// reaches it. It panics on a negative index, and it makes a list as long as the
// largest index says: ten kilobytes of keys become a hundred megabytes. So each
// key is first resolved against the type, by the names that clients use, and
// what resolves is written anew, as the path that gorilla/schema wants. What
// does not resolve is unknown, and lists are bounded, one by one and all
// together. This also gives forms the names of JSON where a type has only
// those, brackets (items[0][sku]) as well as dots, and errors that point to the
// same places as those for JSON.

const (
	maxIndex    = 100   // elements of one list
	maxElements = 1_000 // elements of all lists together, as far as indexes or commas make them
	maxSegments = 32    // parts of a key
)

// A formType is a struct type made ready for forms.
type formType struct {
	typ     reflect.Type
	decoder *schema.Decoder
	members map[reflect.Type][]member
}

// newFormType prepares t. The error is about types that gorilla/schema would
// decode wrongly, or not survive.
func newFormType(t reflect.Type) (*formType, error) {
	f := &formType{typ: t, decoder: schema.NewDecoder(), members: map[reflect.Type][]member{}}
	f.decoder.MaxSize(maxIndex)
	return f, f.prepare(t)
}

// prepare finds the members of all structs below t.
func (f *formType) prepare(t reflect.Type) error {
	t = deref(t)
	if isText(t) {
		return nil
	}
	if t.Kind() == reflect.Slice {
		return f.prepare(t.Elem())
	}
	if _, done := f.members[t]; done || t.Kind() != reflect.Struct {
		return nil
	}
	f.members[t] = fromForm.members(t)
	errs := []error{checkFields(t)}
	for _, m := range f.members[t] {
		errs = append(errs, f.prepare(m.field.Type))
	}
	return errors.Join(errs...)
}

// checkFields looks for what gorilla/schema does not tell: it takes the first
// of two fields with one name, capitals or not, takes a required field for
// given if the name of another begins with its own, and allocates what is
// embedded, without asking whether it may or whether it will come to an end.
func checkFields(t reflect.Type) error {
	var errs []error
	complain := func(f reflect.StructField, what string) {
		errs = append(errs, fmt.Errorf("bind: %v.%s %s", t, f.Name, what))
	}
	names := map[string]string{}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options := schemaName(f)
		if name == "-" {
			continue
		}
		if f.Anonymous && f.Type.Kind() == reflect.Pointer && deref(f.Type).Kind() == reflect.Struct {
			if !f.IsExported() {
				complain(f, "embeds a pointer to an unexported struct, which a form cannot fill")
			}
			if endless(t, nil) {
				complain(f, "embeds a struct that embeds its parent, which a form cannot fill")
			}
		}
		if slices.Contains(options, "required") {
			complain(f, `is required by its schema tag; use validate:"required"`)
		}
		if other, taken := names[strings.ToLower(name)]; taken {
			complain(f, "has the name of "+other+" in a form; give one of them a schema tag")
		}
		names[strings.ToLower(name)] = f.Name
	}
	return errors.Join(errs...)
}

// endless reports whether a value of t, with all that it embeds allocated,
// would have no end.
func endless(t reflect.Type, around []reflect.Type) bool {
	if slices.Contains(around, t) {
		return true
	}
	around = append(around[:len(around):len(around)], t)
	for i := range t.NumField() {
		f := t.Field(i)
		inside := f.Type.Kind() == reflect.Struct || f.Anonymous && deref(f.Type).Kind() == reflect.Struct
		if inside && endless(deref(f.Type), around) {
			return true
		}
	}
	return false
}

// schemaName returns what gorilla/schema calls a field.
func schemaName(f reflect.StructField) (name string, options []string) {
	parts := strings.Split(f.Tag.Get("schema"), ",")
	return cmp.Or(parts[0], f.Name), parts[1:]
}

// split cuts a key into its names: a.b[0][c] is a, b, 0, c. A list may end in
// empty brackets. It reports false for keys that are not made that way.
func split(key string) (names []string, ok bool) {
	for rest := key; ; {
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if len(names) == maxSegments || end == 0 {
			return nil, false
		}
		names = append(names, rest[:end])
		rest = rest[end:]
		for strings.HasPrefix(rest, "[") {
			name, after, closed := strings.Cut(rest[1:], "]")
			if !closed || strings.ContainsAny(name, "[.") || len(names) == maxSegments {
				return nil, false
			}
			names, rest = append(names, name), after
		}
		if rest == "" {
			return names, true
		}
		if rest[0] != '.' {
			return nil, false
		}
		rest = rest[1:]
	}
}

// A target is what a key resolves to.
type target struct {
	path    string       // for gorilla/schema
	pointer string       // for the client
	typ     reflect.Type // of the field, or of what the list holds
	list    bool
	index   int // of the value in the list, -1 if the key has none
}

// resolve finds what a key means. It returns nil for a key that means nothing
// in this type, and a FieldError for an index that no list can have.
func (f *formType) resolve(key string) (*target, *FieldError) {
	names, ok := split(key)
	if !ok {
		return nil, nil
	}
	to := target{index: -1}
	var path []string
	for t := f.typ; ; {
		m, ok := find(f.members[t], names[0])
		if !ok {
			return nil, nil
		}
		names = names[1:]
		for _, name := range append(m.path[:len(m.path):len(m.path)], m.field.Name) {
			field, _ := t.FieldByName(name)
			alias, _ := schemaName(field)
			path = append(path, alias)
			t = deref(field.Type)
		}
		to.pointer = step(to.pointer, m.name)

		to.list = t.Kind() == reflect.Slice && !isText(t)
		if to.list {
			t = deref(t.Elem())
			if len(names) > 0 && (names[0] != "" || len(names) > 1) {
				to.pointer = step(to.pointer, names[0])
				if to.index, ok = parseIndex(names[0]); !ok {
					return nil, &FieldError{Path: to.pointer, Rule: "index", Param: strconv.Itoa(maxIndex - 1),
						Message: "must be numbered from 0 to " + strconv.Itoa(maxIndex-1)}
				}
			}
			names = names[min(1, len(names)):]
		}
		if len(names) == 0 {
			to.typ = t
			break
		}
		if to.list {
			if to.index < 0 {
				return nil, nil
			}
			path = append(path, strconv.Itoa(to.index))
			to.index = -1
		}
	}
	to.path = strings.Join(path, ".")
	if !plain(to.typ) {
		return nil, nil
	}
	return &to, nil
}

// plain reports whether gorilla/schema makes a value of the type from one text.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	case reflect.Struct, reflect.Array, reflect.Slice:
		return isText(t)
	}
	return false
}

func parseIndex(s string) (int, bool) {
	if s == "" || len(s) > 3 || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.Atoi(s)
	return n, n < maxIndex
}

// decode decodes the values into dst, a pointer to the struct.
func (f *formType) decode(values url.Values, dst any, strict bool) error {
	g := guard{
		formType: f, strict: strict,
		out:     make(map[string][]string, len(values)),
		targets: make(map[string]*target, len(values)),
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		g.add(key, values[key])
	}
	g.finish()
	if len(g.wrong) > 0 {
		return wrong(http.StatusBadRequest, g.wrong, nil)
	}
	if err := f.run(dst, g.out); err != nil {
		return g.explain(err)
	}
	return nil
}

// run calls gorilla/schema. A panic in it is an error here: the values are a
// client's, and no release is known that survives all of them.
func (f *formType) run(dst any, values map[string][]string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("gorilla/schema: panic: %v", p)
		}
	}()
	return f.decoder.Decode(dst, values)
}

// A guard collects what may pass to gorilla/schema.
type guard struct {
	*formType
	strict  bool
	out     map[string][]string // by path
	targets map[string]*target  // by path
	ordered map[string]map[int][]string
	wrong   []FieldError
}

func (g *guard) report(path, rule, message string) {
	g.wrong = append(g.wrong, FieldError{Path: path, Rule: rule, Message: message})
}

// add resolves one key and keeps its values.
func (g *guard) add(key string, values []string) {
	to, complaint := g.resolve(key)
	if complaint != nil {
		g.wrong = append(g.wrong, *complaint)
		return
	}
	if to == nil {
		if g.strict {
			g.report(step("", key), "unknown", "is not a field of this request")
		}
		return
	}
	if to.typ.Kind() != reflect.String || isText(to.typ) {
		// A page sends its inputs also if they were left empty.
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		if len(values) == 0 {
			return
		}
	}
	if slices.ContainsFunc(values, func(v string) bool { return !finite(to.typ, v) }) {
		g.report(to.pointer, "type", expected(to.typ))
		return
	}
	earlier, again := g.targets[to.path]
	g.targets[to.path] = to
	if to.index < 0 {
		if again {
			g.report(to.pointer, "duplicate", "is given under two names")
		}
		g.out[to.path] = values
		return
	}
	if g.ordered == nil {
		g.ordered = map[string]map[int][]string{}
	}
	list := g.ordered[to.path]
	if list == nil {
		list = map[int][]string{}
		g.ordered[to.path] = list
	}
	if again && (earlier.index < 0 || list[to.index] != nil) {
		g.report(to.pointer, "duplicate", "is given under two names")
	}
	list[to.index] = values
}

// finish puts lists together whose values came with an index, and counts the
// elements that all lists ask for.
func (g *guard) finish() {
	for path, list := range g.ordered {
		for _, i := range slices.Sorted(maps.Keys(list)) {
			g.out[path] = append(g.out[path], list[i]...)
		}
	}
	elements := 0
	longest := map[string]int{}
	for _, path := range slices.Collect(maps.Keys(g.out)) {
		to, values := g.targets[path], g.out[path]
		if to.list && to.typ.Kind() != reflect.String {
			for _, v := range values {
				elements += strings.Count(v, ",") // where gorilla/schema splits it
			}
		}
		if to.list && to.typ.Kind() == reflect.Struct && isText(to.typ) {
			// For gorilla/schema a list of structs, with an index for each.
			delete(g.out, path)
			for i, v := range values[:min(len(values), maxIndex)] {
				at := path + "." + strconv.Itoa(i)
				g.out[at], g.targets[at] = []string{v}, to
			}
			if len(values) > maxIndex {
				g.report(to.pointer, "index", "has too many elements")
			}
		}
		for i, c := range []byte(path) {
			if c != '.' {
				continue
			}
			digits, _, _ := strings.Cut(path[i+1:], ".")
			if n, ok := parseIndex(digits); ok {
				elements += max(0, n+1-longest[path[:i]])
				longest[path[:i]] = max(longest[path[:i]], n+1)
			}
		}
	}
	if elements > maxElements {
		g.report("", "index", "has lists of too many elements")
	}
}

// finite refuses NaN and the infinities, which strconv reads, which no JSON can
// carry on, and which pass a rule such as "not less than 0".
func finite(t reflect.Type, value string) bool {
	if k := t.Kind(); k != reflect.Float32 && k != reflect.Float64 || isText(t) {
		return true
	}
	for v := range strings.SplitSeq(value, ",") {
		if n, err := strconv.ParseFloat(v, 64); err == nil && (math.IsNaN(n) || math.IsInf(n, 0)) {
			return false
		}
	}
	return true
}

// explain turns the error of gorilla/schema, a map in random order, into ours.
func (g *guard) explain(err error) error {
	var multi schema.MultiError
	_ = errors.As(err, &multi)
	fields := make([]FieldError, 0, len(multi))
	for path := range multi {
		if to, ok := g.targets[path]; ok {
			fields = append(fields, FieldError{Path: to.pointer, Rule: "type", Message: expected(to.typ)})
		}
	}
	if len(fields) == 0 {
		fields = []FieldError{{Rule: "type", Message: "does not fit"}}
	}
	return wrong(http.StatusBadRequest, fields, err)
}
