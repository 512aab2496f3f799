package pattern

import (
	"net/http"
	"net/url"
	"strings"
)

// r.PathValue is what routers have in common. It survives http.StripPrefix and
// every router further in, but it does not know where the segments of a
// catch-all end, nor of a parameter without a value; and a ServeMux forgets the
// wildcards of the one outside of it. So a Handler notes that among the path
// values, where it survives as well, under the name in brackets, which no
// parameter can have:
//
//	[id]    the value, percent-encoded
//	[slug]  the segments of a catch-all, percent-encoded and each after a slash;
//	        one slash alone for none
//	[]      the names of the parameters of routes outside, each after a slash
//
// Handlers of routes without a catch-all and outside of other routers note
// nothing.
const outerNames = "[]"

// noteOuter notes the parameters that routers outside have found, before the
// pattern of this one takes the place of theirs.
func noteOuter(r *http.Request) {
	if strings.IndexByte(r.Pattern, '{') < 0 && strings.IndexByte(r.Pattern, '[') < 0 {
		return
	}
	names := r.PathValue(outerNames)
	for w := range wildcards(r.Pattern) {
		values, known := lookup(r, w.name)
		if !known {
			continue
		}
		r.SetPathValue("["+w.name+"]", makeNote(values, w.kind))
		if !strings.Contains(names+"/", "/"+w.name+"/") {
			names += "/" + w.name
		}
	}
	if names != "" {
		r.SetPathValue(outerNames, names)
	}
}

// setPathValues gives the parameters to r.PathValue. What routers outside have
// set under the same names is false from here on, whether or not the parameter
// has a value.
func setPathValues(r *http.Request, params Params) {
	if r.Pattern != "" {
		noteOuter(r)
	}
	for q, raw := range params.each() {
		r.SetPathValue(q.name, params.join(raw, q.kind))
		if q.kind >= rest || r.PathValue(q.noted) != "" {
			r.SetPathValue(q.noted, params.note(raw, q.kind))
		}
	}
	if q := params.withoutValue(); q != nil {
		if r.PathValue(q.name) != "" {
			r.SetPathValue(q.name, "")
		}
		r.SetPathValue(q.noted, makeNote(nil, q.kind))
	}
}

// note is makeNote of what a parameter took, cut out of the path.
func (p Params) note(raw string, kind kind) string {
	if kind >= rest {
		raw = p.path[len(p.path)-len(raw)-1:] // with the slash before it
	}
	if !p.at.encoded() {
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

// readNote returns the values that were noted.
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
