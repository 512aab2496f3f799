package bind

import (
	"cmp"
	"errors"
	"fmt"
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
	maxElements = 1_000 // elements of all lists that indexes make
	maxSegments = 32    // parts of a key
)

// A target is what a key resolves to.
type target struct {
	path    string // for gorilla/schema
	pointer string // for the client
	typ     reflect.Type
	order   int // the index behind the name of a list of plain values, else -1
}

// formType is a struct type made ready for forms.
type formType struct {
	typ     reflect.Type
	decoder *schema.Decoder
	members map[reflect.Type][]member
}

func newFormType(t reflect.Type) *formType {
	f := &formType{typ: t, decoder: schema.NewDecoder(), members: map[reflect.Type][]member{}}
	f.decoder.IgnoreUnknownKeys(true)
	f.decoder.MaxSize(maxIndex)
	f.prepare(t)
	return f
}

// prepare finds the members of all structs below t.
func (f *formType) prepare(t reflect.Type) {
	t = deref(t)
	switch {
	case isText(t):
	case t.Kind() == reflect.Slice:
		f.prepare(t.Elem())
	case t.Kind() == reflect.Struct:
		if _, done := f.members[t]; !done {
			f.members[t] = fromForm.members(t)
			for _, m := range f.members[t] {
				f.prepare(m.field.Type)
			}
		}
	}
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

// resolve finds what a key means. It returns nil for a key that means nothing
// in this type, and a FieldError for an index that no list can have.
func (f *formType) resolve(key string) (*target, *FieldError) {
	names, ok := split(key)
	if !ok {
		return nil, nil
	}
	at := target{typ: f.typ, order: -1}
	var path []string
	for i := 0; i < len(names); i++ {
		m, ok := find(f.members[deref(at.typ)], names[i])
		if !ok {
			return nil, nil
		}
		for _, embedded := range m.path {
			path = append(path, alias(deref(at.typ), embedded, &at.typ))
		}
		path = append(path, alias(deref(at.typ), m.field.Name, &at.typ))
		at.pointer = step(at.pointer, m.name)

		list := deref(at.typ)
		if isText(list) || list.Kind() != reflect.Slice {
			continue
		}
		element := deref(list.Elem())
		structs := element.Kind() == reflect.Struct
		if i+1 == len(names) {
			if structs && !isText(element) {
				return nil, nil
			}
			break
		}
		i++
		last := i+1 == len(names)
		if names[i] == "" && last && (!structs || isText(element)) {
			break
		}
		index, ok := parseIndex(names[i])
		at.pointer = step(at.pointer, names[i])
		if !ok {
			return nil, &FieldError{Path: at.pointer, Rule: "index", Param: strconv.Itoa(maxIndex - 1),
				Message: "must be numbered from 0 to " + strconv.Itoa(maxIndex-1)}
		}
		if structs && !isText(element) {
			path = append(path, strconv.Itoa(index))
			at.typ = element
			if last {
				return nil, nil
			}
			continue
		}
		if !last {
			return nil, nil
		}
		at.order = index
	}
	if t := deref(at.typ); !isText(t) {
		if _, object := f.members[t]; object || !plain(t) {
			return nil, nil
		}
	}
	at.path = strings.Join(path, ".")
	return &at, nil
}

// alias returns the name that gorilla/schema has for a field, and its type.
func alias(t reflect.Type, field string, typ *reflect.Type) string {
	f, _ := t.FieldByName(field)
	*typ = f.Type
	name, _, _ := strings.Cut(f.Tag.Get("schema"), ",")
	return cmp.Or(name, f.Name)
}

// plain reports whether gorilla/schema can make a value of the type from text.
func plain(t reflect.Type) bool {
	if t.Kind() == reflect.Slice {
		t = deref(t.Elem())
	}
	switch t.Kind() {
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	}
	return isText(t)
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
	g := guard{formType: f, strict: strict, out: make(map[string][]string, len(values)), targets: map[string]*target{}}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range values {
			if !yield(key) {
				return
			}
		}
	}) {
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

// run calls gorilla/schema. A panic in it is an error here: there is no fixed
// release to hope for, and the values are a client's.
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
	out     map[string][]string
	targets map[string]*target
	ordered map[string][]ordered // values of lists with an index
	wrong   []FieldError
}

type ordered struct {
	index  int
	values []string
}

func (g *guard) report(e FieldError) {
	if len(g.wrong) < maxMistakes {
		g.wrong = append(g.wrong, e)
	}
}

// add resolves one key and keeps its values.
func (g *guard) add(key string, values []string) {
	at, complaint := g.resolve(key)
	switch {
	case complaint != nil:
		g.report(*complaint)
		return
	case at == nil:
		if g.strict {
			g.report(FieldError{Path: step("", key), Rule: "unknown", Message: "is not a field of this request"})
		}
		return
	}
	for _, v := range values {
		if !finite(at.typ, v) {
			g.report(FieldError{Path: at.pointer, Rule: "type", Message: expected(elementOf(at.typ))})
			return
		}
	}
	if k := elementOf(at.typ).Kind(); k != reflect.String || isText(elementOf(at.typ)) {
		// An input of a page that was left empty is sent all the same.
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
	}
	if earlier, twice := g.targets[at.path]; twice && (at.order < 0 || earlier.order < 0) {
		g.report(FieldError{Path: at.pointer, Rule: "duplicate", Message: "is given under two names"})
		return
	}
	g.targets[at.path] = at
	if at.order >= 0 {
		if g.ordered == nil {
			g.ordered = map[string][]ordered{}
		}
		g.ordered[at.path] = append(g.ordered[at.path], ordered{at.order, values})
		return
	}
	g.out[at.path] = values
}

// finish puts the lists together that came with an index for each value, and
// counts the elements that all lists ask for.
func (g *guard) finish() {
	for path, parts := range g.ordered {
		slices.SortStableFunc(parts, func(a, b ordered) int { return a.index - b.index })
		for _, p := range parts {
			g.out[path] = append(g.out[path], p.values...)
		}
	}
	longest := map[string]int{}
	total := 0
	for path, values := range g.out {
		for i := 0; i < len(path); {
			end := strings.IndexByte(path[i:], '.')
			if end < 0 {
				break
			}
			segment := path[i : i+end]
			if n, ok := parseIndex(segment); ok && path[:i] != "" {
				if prefix := path[:i]; n+1 > longest[prefix] {
					total += n + 1 - longest[prefix]
					longest[prefix] = n + 1
				}
			}
			i += end + 1
		}
		if t := g.targets[path].typ; deref(t).Kind() == reflect.Slice && deref(elementOf(t)).Kind() != reflect.String {
			for _, v := range values {
				total += strings.Count(v, ",") // gorilla/schema splits them
			}
		}
	}
	if total > maxElements {
		g.report(FieldError{Rule: "index", Param: strconv.Itoa(maxElements), Message: "has lists of too many elements"})
	}
}

func elementOf(t reflect.Type) reflect.Type {
	t = deref(t)
	if t.Kind() == reflect.Slice && !isText(t) {
		return deref(t.Elem())
	}
	return t
}

// finite refuses NaN and the infinities, which strconv reads, which no JSON can
// carry on, and which pass rules like "not less than 0".
func finite(t reflect.Type, value string) bool {
	t = elementOf(t)
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
	if !errors.As(err, &multi) {
		return wrong(http.StatusBadRequest, []FieldError{{Rule: "type", Message: "does not fit"}}, err)
	}
	status := http.StatusUnprocessableEntity
	var fields []FieldError
	for path, err := range multi {
		var empty schema.EmptyFieldError
		if errors.As(err, &empty) {
			fields = append(fields, FieldError{Path: "/" + strings.ReplaceAll(path, ".", "/"), Rule: "required", Message: "is required"})
			continue
		}
		status = http.StatusBadRequest
		if at, ok := g.targets[path]; ok {
			fields = append(fields, FieldError{Path: at.pointer, Rule: "type", Message: expected(elementOf(at.typ))})
		} else {
			fields = append(fields, FieldError{Rule: "type", Message: "does not fit"})
		}
	}
	return wrong(status, fields, err)
}
