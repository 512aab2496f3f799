package pattern

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Query returns the query parameters of a request with the parameters of its
// route laid over them; Next.js calls it req.query. A parameter of the route
// always wins, and the name of one without a value, such as an optional
// catch-all that took nothing, is removed, so that no query string can stand in
// for a parameter. Malformed
// pairs are skipped, as r.URL.Query does.
//
// It works for the routes of a [Handler] and for those of an http.ServeMux.
// The map is never nil, and a new one at each call.
func Query(r *http.Request) url.Values {
	q := r.URL.Query()
	for w := range wildcards(r.Pattern) {
		if values := w.values(r); values != nil {
			q[w.name] = values
		} else if w.kind >= rest || !w.mux { // {x} without a value is text
			delete(q, w.name)
		}
	}
	return q
}

// Values returns the values of a path parameter: one for [x] and {x}, one for
// each segment of a catch-all, [...x] or {x...}, in which an encoded slash is
// no separator. It returns nil for a name without a value. Ask before changing
// r.URL: what r.PathValue cannot tell is read off the path.
func Values(r *http.Request, name string) []string {
	for w := range wildcards(r.Pattern) {
		if w.name == name {
			return w.values(r)
		}
	}
	if v := r.PathValue(name); v != "" {
		return []string{v}
	}
	return nil
}

// A wildcard is a parameter in the text of a pattern, Next's or ServeMux's.
type wildcard struct {
	name string
	kind kind
	mux  bool
}

// wildcards iterates over the parameters of a pattern. Reading the text again
// is cheaper than carrying a match along with every request, which would be a
// copy of the request and of its context for what most handlers never ask.
func wildcards(pattern string) iter.Seq[wildcard] {
	return func(yield func(wildcard) bool) {
		i := strings.IndexByte(pattern, '/') // after a method and a host
		for i >= 0 && i < len(pattern) {
			j := segmentEnd(pattern, i+1)
			if w, ok := parseWildcard(pattern[i+1 : j]); ok && !yield(w) {
				return
			}
			i = j
		}
	}
}

func parseWildcard(seg string) (wildcard, bool) {
	if len(seg) < 3 {
		return wildcard{}, false
	}
	if seg[0] == '{' && seg[len(seg)-1] == '}' {
		name, multi := strings.CutSuffix(seg[1:len(seg)-1], "...")
		if multi {
			return wildcard{name, rest, true}, true
		}
		return wildcard{name, single, true}, name != "$"
	}
	s, _, _ := parseSegment(seg)
	return wildcard{s.text, s.kind, false}, s.kind != static
}

// values returns what the request has for the wildcard.
//
// What r.PathValue says holds: it was set by whoever matched the route, and a
// handler further in may have changed the path since. What PathValue cannot
// tell is where the segments of a catch-all end, so they are looked for in the
// path: they are those at its end that give the value when they are decoded
// and joined. Without a value, the pattern is followed along the path.
func (w wildcard) values(r *http.Request) []string {
	v := r.PathValue(w.name)
	path, decoded := requestPath(r.URL)
	bare := trimSlash(path)
	switch {
	case v == "" && w.mux:
		return nil
	case v == "":
		return follow(r.Pattern, bare, decoded, w.name)
	case w.kind == single:
		return []string{v}
	}
	if w.mux && len(bare) < len(path) {
		v = strings.TrimSuffix(v, "/") // ServeMux counts the trailing slash in
	}
	if !decoded {
		if values, ok := lastSegments(bare, v); ok {
			return values
		}
	}
	return strings.Split(v, "/")
}

// lastSegments returns the segments at the end of an encoded path that give
// the joined text.
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

// follow returns the values of the named parameter in a path that matches the
// pattern. If the path is another one by now it may find none.
func follow(pattern, path string, decoded bool, name string) []string {
	params := Params{path: path}
	if !decoded {
		params.at = encodedPath
	}
	for i, j := 1, 1; i < len(pattern) && j < len(path); {
		pEnd, end := segmentEnd(pattern, i), segmentEnd(path, j)
		seg, _, _ := parseSegment(pattern[i:pEnd])
		switch {
		case seg.kind == static:
			if params.decode(path[j:end]) != seg.text {
				return nil
			}
		case seg.text == name:
			return params.list(params.cut(seg.kind, j), seg.kind)
		}
		i, j = pEnd+1, end+1
	}
	return nil
}
