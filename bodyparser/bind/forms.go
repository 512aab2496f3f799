package bind

import (
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
	_, isOptional := optionalOf(to.typ)
	if !isOptional && (to.typ.Kind() != reflect.String || isText(to.typ)) {
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
