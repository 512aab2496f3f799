package pattern

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Query returns the query parameters of a request, overridden by the parameters
// of its routes; req.query in Next.js. A parameter of a route, outer routes
// included, always wins. The name of one without a value, such as an optional
// catch-all that took nothing, is removed: no query string can stand in for a
// parameter. Of two routes with a parameter of the same name the inner one
// counts. Malformed pairs are skipped, as in r.URL.Query.
//
// It works for the routes of a [Handler] and of an http.ServeMux, nested in any
// order, with http.StripPrefix between them. The exception is a ServeMux
// directly inside another: net/http drops the wildcards of the outer one, from
// r.PathValue as well. With a Handler in place of either of them nothing is
// lost.
//
// The map is never nil, and new at each call. It has the result of [Values] for
// every parameter, except that a parameter of an outer route without a catch-all,
// with a ServeMux inside, is listed only if the query string has the name.
func Query(r *http.Request) url.Values {
	q := r.URL.Query()
	lay := func(name string) {
		if values, known := lookup(r, name); values != nil {
			q[name] = values
		} else if known {
			delete(q, name)
		}
	}
	for name := range q {
		lay(name)
	}
	for w := range wildcards(r.Pattern) {
		lay(w.name)
	}
	for name := range strings.SplitSeq(r.PathValue(notedNames), "/") {
		lay(strings.TrimPrefix(name, "..."))
	}
	return q
}

// Values returns the values of a path parameter: one for [x] and {x}, one for
// each segment of a catch-all, [...x] or {x...}, in which an encoded slash is
// not a separator. It returns nil for a name without a value. For a wildcard of
// http.ServeMux, call it before changing r.URL: the path tells where its
// segments end.
func Values(r *http.Request, name string) []string {
	values, _ := lookup(r, name)
	return values
}

// lookup returns the values of a parameter, and whether a route has one of that
// name, with or without a value. Query and Values both call it, one name at a
// time, so that they cannot differ.
//
// It uses r.PathValue first: the value was set by the router that matched,
// survives the inner routers, and a handler may have changed it on purpose. A
// Handler has noted what r.PathValue cannot tell; see
// pathvalues.go. The text of
// r.Pattern is used last, and never for a value: it tells which wildcards the
// innermost ServeMux has.
func lookup(r *http.Request, name string) (values []string, known bool) {
	if name == "" || name[0] == '[' { // no parameter has such a name, see pathvalues.go
		return nil, false
	}
	w := findWildcard(r.Pattern, name)
	value := r.PathValue(name)
	if w.mux { // it is inside of what was noted
		switch {
		case value == "":
			return nil, true
		case w.kind == single:
			return []string{value}, true
		}
		return segments(r, value, true), true
	}
	noted, names := r.PathValue("["+name+"]"), r.PathValue(notedNames)
	list := names != "" && strings.Contains(names, "/..."+name+"/")
	switch {
	case value == "" && noted == "":
		if w.kind.isParam() && !w.isText(r) && r.PathValue(notedNames) == "" {
			path, decoded := requestPath(r.URL)
			return follow(r.Pattern, trimSlash(path), decoded, name), true
		}
		return nil, list || strings.Contains(names, "/"+name+"/") || w.kind.isParam() && !w.isText(r)
	case value == "":
		return readNote(noted), true
	case list && noted != "":
		values = readNote(noted)
		if joined := strings.Join(values, "/"); joined == value || joined+"/" == value { // ServeMux includes a trailing slash
			return values, true
		}
		return strings.Split(value, "/"), true // a handler has set another value since
	case list:
		return strings.Split(value, "/"), true
	case w.kind.isCatchAll():
		return segments(r, value, false), true
	}
	return []string{value}, true
}

// A wildcard is a segment of r.Pattern that is a parameter of the route.
type wildcard struct {
	name string
	kind kind
	mux  bool   // {x} or {x...}
	text string // the segment, if it is in brackets
}

// wildcards iterates over the parameters in the text of a pattern: those of
// http.ServeMux in braces, and those of a Handler in brackets. Braces in static
// text of a Handler are escaped in r.Pattern, so braces always belong to a
// ServeMux. Brackets may be static text of a ServeMux, see isText.
func wildcards(pattern string) iter.Seq[wildcard] {
	return func(yield func(wildcard) bool) {
		i := strings.IndexByte(pattern, '/') // after a method and a host
		for i >= 0 && i < len(pattern) {
			j := segmentEnd(pattern, i+1)
			if w := parseWildcard(pattern[i+1 : j]); w.kind.isParam() && !yield(w) {
				return
			}
			i = j
		}
	}
}

// findWildcard returns the wildcard of that name; the zero wildcard, which is no
// parameter, if there is none.
func findWildcard(pattern, name string) wildcard {
	if strings.Contains(pattern, name) { // rarely
		for w := range wildcards(pattern) {
			if w.name == name {
				return w
			}
		}
	}
	return wildcard{}
}

func parseWildcard(seg string) wildcard {
	if len(seg) < 3 {
		return wildcard{}
	}
	if isMuxWildcard(seg) {
		name, multi := strings.CutSuffix(seg[1:len(seg)-1], "...")
		switch {
		case multi:
			return wildcard{name: name, kind: rest, mux: true}
		case name != "$":
			return wildcard{name: name, kind: single, mux: true}
		}
		return wildcard{}
	}
	s, _, _ := parseSegment(seg)
	return wildcard{name: s.text, kind: s.kind, text: seg}
}

// isMuxWildcard reports whether http.ServeMux takes a segment for a wildcard.
func isMuxWildcard(seg string) bool {
	return len(seg) > 2 && seg[0] == '{' && seg[len(seg)-1] == '}'
}

// isText distinguishes, for a name in brackets without a value, static text of a
// ServeMux from a parameter of a Handler: the text is in the path, or was before a
// prefix was stripped. A parameter without a value was matched by a Handler on a
// copy of the request, so that layers outside see only its pattern in r.
func (w wildcard) isText(r *http.Request) bool {
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	for seg := range strings.SplitSeq(r.URL.EscapedPath()+"/"+sent, "/") {
		if text, _ := unescape(seg); text == w.text {
			return true
		}
	}
	return false
}

// segments returns the segments of a catch-all of which only the joined text
// was noted: those at the end of the path that give the text when decoded and
// joined.
func segments(r *http.Request, joined string, mux bool) []string {
	path, decoded := requestPath(r.URL)
	bare := trimSlash(path)
	if mux && len(bare) < len(path) {
		joined = strings.TrimSuffix(joined, "/") // ServeMux includes the trailing slash
	}
	if !decoded {
		if values, ok := lastSegments(bare, joined); ok {
			return values
		}
	}
	return strings.Split(joined, "/")
}

// lastSegments returns the segments at the end of an encoded path that give the
// joined text.
func lastSegments(path, joined string) (values []string, ok bool) {
	values = make([]string, 0, 1+strings.Count(joined, "/")) // at most: a value may have slashes
	for length := -1; length < len(joined) && path != ""; {
		i := strings.LastIndexByte(path, '/')
		v, ok := unescape(path[i+1:])
		if !ok {
			return nil, false
		}
		values = append(values, v)
		length += 1 + len(v)
		path = path[:i]
	}
	slices.Reverse(values)
	return values, strings.Join(values, "/") == joined
}

// follow returns the values of the named parameter of a Handler in a path that
// matches the pattern, for a request without path values: in a layer outside, or with
// NoPathValues. If the path has changed since there are none.
func follow(pattern, path string, decoded bool, name string) []string {
	params := Params{path: path}
	if !decoded {
		params.starts = encodedPath
	}
	var values []string
	i, j := 1, 1
	for i < len(pattern) && j < len(path) {
		pEnd, end := segmentEnd(pattern, i), segmentEnd(path, j)
		seg, _, _ := parseSegment(pattern[i:pEnd])
		switch {
		case !seg.kind.isParam():
			if params.decode(path[j:end]) != seg.text {
				return nil
			}
		case seg.text == name:
			values = params.list(params.cut(seg.kind, j), seg.kind)
		}
		if seg.kind.isCatchAll() { // it takes the rest
			end = len(path)
		}
		i, j = pEnd+1, end+1
	}
	if i < len(pattern) {
		if seg, _, _ := parseSegment(pattern[i:]); seg.kind != optional {
			return nil
		}
	}
	if j < len(path) { // another pattern's path
		return nil
	}
	return values
}
