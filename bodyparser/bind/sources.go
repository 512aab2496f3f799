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
	fields []placedField // from the path, a header or a cookie
	query  *node         // nil if there are none
}

type placedField struct {
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
		s.fields = append(s.fields, placedField{place, f})
	}
	if len(query.fields) > 0 {
		query.defaults = true
		s.query = query
	}
	noForm, faults := b.finish()
	if noForm != nil {
		return s, noForm
	}
	return s, faults
}

// decodePlaced reads the fields that do not come from the body. It returns the
// decoder, nil if there are none.
func (b *Binder[T]) decodePlaced(r *http.Request, v *T) (*formDecoder, error) {
	if len(b.bodyType.placed) == 0 {
		return nil, nil
	}
	dst := allocated(v)
	fd := b.newFormDecoder("query")
	if b.sources.query != nil {
		values, err := parseQuery(r, b.pairs())
		if err != nil {
			return nil, err
		}
		fd.decode(b.sources.query, values, dst)
	}
	if err := b.sources.decode(r, fd, dst); err != nil {
		return nil, err
	}
	return fd, fd.err()
}

// decode reads the fields that have their own place in the request, except those
// of the query.
func (s *sources) decode(r *http.Request, fd *formDecoder, dst reflect.Value) error {
	for i := range s.fields {
		one := &s.fields[i]
		f := &one.field
		var values []string
		switch one.place {
		case "path":
			values = pathValues(r, f)
			if values == nil && f.defaults == nil && f.typ.Kind() != reflect.Pointer && !hasParam(r.Pattern, f.name) {
				return fmt.Errorf("bind: the route %q has no parameter %q, which %v asks for", r.Pattern, f.name, dst.Type())
			}
		case "header":
			values = headerValues(r, f)
		case "cookie":
			if v, ok := cookies.Lookup(r, f.name); ok {
				values = []string{v}
			}
		}
		fd.in = one.place
		g := input{pointer: joinPointer("", f.name)}
		if values != nil {
			fd.assign(f.node, &g, f.name, values)
		}
		switch {
		case !g.empty(f.node):
			fd.set(f.node, &g, f.of(dst))
		case f.defaults != nil:
			g.values = f.defaults
			fd.set(f.node, &g, f.of(dst))
		}
	}
	return nil
}

// hasParam reports whether the text of a route has a parameter.
func hasParam(route, name string) bool {
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
