package typescript

import (
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/apiece/apiece/internal/fields"
	"github.com/apiece/apiece/pattern"
)

// A generator collects the declarations to print.
type generator struct {
	routes []route
	decls  map[declKey]*declaration
	order  []declKey      // the declarations in the order of discovery
	inside []reflect.Type // the structs without a name around the current one
}

// A route is a line of the interface Routes.
type route struct {
	name  string // "GET /api/posts"
	parts []property
	text  bool // the body may be a text, which is JSON
}

// anyMethod stands for a handler that takes every method.
const anyMethod = "*"

func (g *generator) route(e pattern.Endpoint) {
	method := e.Method
	if method == "" {
		method = anyMethod
	}
	r := route{name: method + " " + e.Pattern.String()}
	if slices.ContainsFunc(g.routes, func(other route) bool { return other.name == r.name }) {
		return // found in two places, with the same result
	}
	var in, out reflect.Type
	var fromQuery, typesKnown bool
	for _, layer := range e.Layers {
		if t, ok := layer.(typed); ok {
			in, out, fromQuery = t.Types()
			typesKnown = true
		}
	}
	request := in
	for request != nil && request.Kind() == reflect.Pointer {
		request = request.Elem()
	}
	places := map[string][]property{}
	var placed []fields.Member
	if typesKnown && request != nil {
		placed = fields.Placed(request)
	}
	for _, f := range placed {
		place, _ := fields.Place(f.Field)
		places[place] = append(places[place], g.property(f, query, place))
	}
	r.add("path", pathProperties(e.Pattern, places["path"]))
	rest := g.rest(request, fromQuery)
	// A struct that reads itself, such as a time, is one value and has no fields.
	hasFields := request != nil && request.Kind() == reflect.Struct && (fromQuery || sent(request) != body || g.special(request, body, true) == nil)
	if fromQuery {
		places["query"] = append(slices.DeleteFunc(rest, func(p property) bool { return isParameter(e.Pattern, p.name) }), places["query"]...)
	}
	if len(places["query"]) > 0 {
		r.add("query", places["query"])
	} else if !typesKnown || request == nil || request.Kind() == reflect.Struct && request.NumField() == 0 {
		r.parts = append(r.parts, property{name: "query", optional: true, typ: union{"Query"}})
	}
	r.add("headers", places["header"])
	switch {
	case !typesKnown && (method == http.MethodGet || method == http.MethodHead):
	case !typesKnown:
		r.parts = append(r.parts, property{name: "body", optional: true, typ: union{"unknown"}})
	case fromQuery || request == nil || hasFields && len(rest) == 0:
	default:
		typ := union{inline(rest)}
		if len(placed) == 0 || !hasFields { // otherwise the interface would be used only here
			typ = g.typ(request, sent(request))
		}
		r.text = sent(request) == body && slices.ContainsFunc(typ, mayBeText)
		optional := hasFields && !slices.ContainsFunc(rest, func(p property) bool { return !p.optional })
		r.parts = append(r.parts, property{name: "body", optional: optional, typ: typ})
	}
	if events := g.events(e.Layers); events != nil {
		r.parts = append(r.parts, property{name: "events", typ: events})
	} else {
		typ := union{"unknown"}
		if out != nil {
			typ = g.typ(out, response)
		}
		r.parts = append(r.parts, property{name: "response", typ: typ})
	}
	g.routes = append(g.routes, r)
}

// add adds a part of the request, optional if all its properties are.
func (r *route) add(name string, properties []property) {
	if len(properties) > 0 {
		optional := !slices.ContainsFunc(properties, func(p property) bool { return !p.optional })
		r.parts = append(r.parts, property{name: name, optional: optional, typ: union{inline(properties)}})
	}
}

// rest returns the properties of the fields without a place.
func (g *generator) rest(request reflect.Type, fromQuery bool) []property {
	if request == nil || request.Kind() != reflect.Struct {
		return nil
	}
	m := sent(request)
	if fromQuery {
		m = query
	}
	return g.properties(request, m)
}

// sent returns the mode of a body: one with files is a form.
func sent(request reflect.Type) mode {
	if hasFile(request, map[reflect.Type]bool{}) {
		return query
	}
	return body
}

func hasFile(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t = fields.Deref(t); seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Map:
		return hasFile(t.Elem(), seen)
	case reflect.Struct:
		return isFile(t) || slices.ContainsFunc(fields.Form.Members(t), func(f fields.Member) bool { return hasFile(f.Field.Type, seen) })
	}
	return false
}

// pathProperties returns the parameters of a route, with the types that the
// request has for them.
func pathProperties(p pattern.Pattern, typed []property) (all []property) {
	for segment := range strings.SplitSeq(p.String(), "/") {
		name, typ, ok := parameter(segment)
		if !ok {
			continue
		}
		one := property{name: name, typ: union{typ}, optional: strings.HasPrefix(segment, "[[")}
		for _, t := range typed {
			if t.name == name {
				one.typ = pathType(t.typ)
			}
		}
		all = append(all, one)
	}
	return all
}

// pathType returns the type of a path parameter. Clients have a number as often
// as its text.
func pathType(typ union) union {
	return typ.notNull().replace("number", "string", "number").replace("number[]", "(string | number)[]")
}

// parameter returns the name of a segment of a pattern, if it is a parameter.
func parameter(segment string) (name, typ string, ok bool) {
	inner, ok := strings.CutPrefix(segment, "[")
	if !ok {
		return "", "", false
	}
	name = strings.Trim(inner, "[]")
	if name, ok := strings.CutPrefix(name, "..."); ok {
		return name, "string[]", true
	}
	return name, "string", true
}

func isParameter(p pattern.Pattern, name string) bool {
	for segment := range strings.SplitSeq(p.String(), "/") {
		if n, _, ok := parameter(segment); ok && n == name {
			return true
		}
	}
	return false
}

// events returns the union of the events that a handler sends, nil if unknown. Each
// layer adds to those inside of it, and a layer without others says that these are
// all.
func (g *generator) events(layers []http.Handler) (all union) {
	types, tells, open := map[string]reflect.Type{}, false, true
	for _, layer := range slices.Backward(layers) {
		s, ok := layer.(streams)
		if !ok {
			continue
		}
		tells = true
		others := false
		for name, t := range s.EventTypes() {
			if t == nil {
				others = true
			} else {
				types[name] = t
			}
		}
		open = open && others
	}
	if tells && open {
		return union{"{ event: string; data: unknown; id: string }"}
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		event := name
		if event == "" {
			event = "message" // as in EventSource
		}
		all = append(all, "{ event: "+literal(event)+"; data: "+g.typ(types[name], response).String()+"; id: string }")
	}
	return all
}
