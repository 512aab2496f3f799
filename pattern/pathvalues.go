package pattern

import (
	"net/http"
	"net/url"
	"strings"
)

// All routers set r.PathValue. It survives http.StripPrefix and every inner
// router, but it does not tell where the segments of a catch-all end, nor which
// parameter has no value; and a ServeMux drops the wildcards of the one
// outside. So a Handler notes these among the path values, where they survive
// as well, under names that no parameter can have:
//
//	[]      the names of all parameters on the way, each between slashes, and
//	        after three dots if it is a catch-all: "/tenant/...slug/"
//	[slug]  the segments of a catch-all, percent-encoded and each after a slash,
//	        if its value does not tell them; one slash alone for none
//	[id]    the one value of another parameter, percent-encoded, if a ServeMux
//	        may forget it
//
// A Handler of routes without a catch-all, and outside of other routers, notes
// nothing.
const notedNames = "[]"

// noteOuter notes the parameters of outer routers, before the pattern of this
// one replaces theirs. It returns the names.
func noteOuter(r *http.Request) (names string) {
	names = r.PathValue(notedNames)
	if strings.IndexByte(r.Pattern, '{') < 0 && strings.IndexByte(r.Pattern, '[') < 0 {
		return names
	}
	for w := range wildcards(r.Pattern) {
		if values, known := lookup(r, w.name); known {
			r.SetPathValue("["+w.name+"]", makeNote(values, w.kind))
			names = addName(names, w.name, w.kind)
		}
	}
	return names
}

// addName replaces the same name of an outer route.
func addName(names, name string, kind kind) string {
	names = strings.Replace(names, "/"+name+"/", "/", 1)
	names = strings.Replace(names, "/..."+name+"/", "/", 1)
	if names == "" {
		names = "/"
	}
	if kind.isCatchAll() {
		name = "..." + name
	}
	return names + name + "/"
}

// setPathValues sets the parameters in r.PathValue. They hide those of outer
// routers with the same names, even if the parameter has no value.
func setPathValues(r *http.Request, params Params) {
	names := ""
	if r.Pattern != "" {
		names = noteOuter(r)
	}
	if names != "" {
		for k := range params.c.params {
			names = addName(names, params.c.params[k].name, params.c.params[k].kind)
		}
	} else if params.c.catchAll() {
		names = params.c.names
	}
	if names != "" {
		r.SetPathValue(notedNames, names)
	}
	for q, raw := range params.each() {
		r.SetPathValue(q.name, params.join(raw, q.kind))
		if q.kind.isCatchAll() && params.starts.encoded() || r.PathValue(q.noted) != "" {
			r.SetPathValue(q.noted, params.note(raw, q.kind))
		}
	}
	if q := params.withoutValue(); q != nil {
		for _, name := range []string{q.name, q.noted} {
			if r.PathValue(name) != "" {
				r.SetPathValue(name, "")
			}
		}
	}
}

// note is makeNote of the value of a parameter, as a part of the path.
func (p Params) note(raw string, kind kind) string {
	if kind.isCatchAll() {
		raw = p.path[len(p.path)-len(raw)-1:] // with the slash before it
	}
	if !p.starts.encoded() {
		raw = strings.ReplaceAll(raw, "%", "%25")
	}
	return raw
}

func makeNote(values []string, kind kind) string {
	if kind == single && len(values) == 1 {
		return url.PathEscape(values[0])
	}
	if len(values) == 0 {
		return "/"
	}
	var b strings.Builder
	for _, v := range values {
		b.WriteString("/" + url.PathEscape(v))
	}
	return b.String()
}

// readNote returns the noted values.
func readNote(note string) []string {
	if note == "/" {
		return nil
	}
	values := strings.Split(strings.TrimPrefix(note, "/"), "/")
	for i, v := range values {
		if text, err := url.PathUnescape(v); err == nil {
			values[i] = text
		}
	}
	return values
}
