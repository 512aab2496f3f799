package bind

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/pattern"
)

// sources are the fields of a request that do not come from the body.
type sources struct {
	single []single // from the path, a header or a cookie
	query  *node    // nil if there are none
}

type single struct {
	place string
	field field
}

// newSources prepares the placed fields of the struct t.
func newSources(t reflect.Type, placed []member) (s sources, err error) {
	var b builder
	query := &node{kind: record, typ: t}
	seen := map[string]string{}
	for _, m := range placed {
		place, _ := placeOf(m.Field)
		key := place + " " + m.Name
		if place == "header" {
			key = strings.ToLower(key)
		}
		if other, twice := seen[key]; twice {
			b.fault("%v.%s and %s both come from the %s %q", t, m.Field.Name, other, place, m.Name)
		}
		seen[key] = m.Field.Name
		if hasFile(m.Field.Type, map[reflect.Type]bool{}) {
			b.fault("%v.%s is of type %v, which only a form has", t, m.Field.Name, m.Field.Type)
			continue
		}
		if place == "query" {
			b.field(query, t, m, m.Name, place)
			continue
		}
		one := &node{kind: record, typ: t}
		b.field(one, t, m, m.Name, place)
		if len(one.fields) == 0 {
			continue // reported as an error elsewhere
		}
		f := one.fields[0]
		if f.node.kind != leaf && (f.node.kind != list || f.node.elem.kind != leaf) {
			b.fault("%v.%s is of type %v, which a %s cannot carry", t, m.Field.Name, m.Field.Type, place)
		}
		s.single = append(s.single, single{place, f})
	}
	if len(query.fields) > 0 {
		query.defaults = true
		s.query = query
	}
	beyond, faults := b.finish()
	if beyond != nil {
		return s, beyond
	}
	return s, faults
}

// read reads the fields that have their own place in the request, except those
// of the query.
func (s *sources) read(r *http.Request, rd *reading, dst reflect.Value) error {
	for i := range s.single {
		one := &s.single[i]
		f := &one.field
		var values []string
		switch one.place {
		case "path":
			values = pathValues(r, f)
			if values == nil && f.defaults == nil && f.typ.Kind() != reflect.Pointer && !asksFor(r.Pattern, f.name) {
				return fmt.Errorf("bind: the route %q has no parameter %q, which %v asks for", r.Pattern, f.name, dst.Type())
			}
		case "header":
			values = headerValues(r, f)
		case "cookie":
			if v, ok := cookies.Lookup(r, f.name); ok {
				values = []string{v}
			}
		}
		rd.in = one.place
		g := given{pointer: step("", f.name)}
		if values != nil {
			rd.assign(f.node, &g, f.name, values)
		}
		switch {
		case !g.empty(f.node):
			rd.set(f.node, &g, f.of(dst))
		case f.defaults != nil:
			g.values = f.defaults
			rd.set(f.node, &g, f.of(dst))
		}
	}
	return nil
}

// asksFor reports whether the text of a route has a parameter.
func asksFor(route, name string) bool {
	for _, before := range []string{"{", "[", "..."} {
		_, after, ok := strings.Cut(route, before+name)
		if ok && after != "" && strings.ContainsRune("}].:", rune(after[0])) {
			return true
		}
	}
	return false
}

// pathValues returns the values of a parameter of the route: one for each
// segment of a catch-all if the field is a list.
func pathValues(r *http.Request, f *field) []string {
	if f.node.kind != list {
		if v := r.PathValue(f.name); v != "" {
			return []string{v}
		}
	}
	values := pattern.Values(r, f.name)
	if f.node.kind != list && len(values) > 1 {
		return []string{strings.Join(values, "/")}
	}
	return values
}

// headerValues returns the values of a header. Several lines are one list (RFC
// 9110, section 5.3); for a field that is not a list they are joined with
// commas.
func headerValues(r *http.Request, f *field) []string {
	lines := r.Header.Values(f.name)
	if strings.EqualFold(f.name, "Host") {
		lines = []string{r.Host} // net/http removes it from the header
	}
	if len(lines) == 0 {
		return nil
	}
	if f.node.kind != list {
		if len(lines) == 1 {
			return lines
		}
		return []string{strings.Join(lines, ", ")}
	}
	var values []string
	for _, line := range lines {
		for v := range strings.SplitSeq(line, ",") {
			if v = strings.Trim(v, " \t"); v != "" {
				values = append(values, v)
			}
		}
	}
	return values
}
