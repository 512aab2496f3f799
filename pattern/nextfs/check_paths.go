package nextfs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// A path that Next.js gives to one file, and the handler to another route, breaks a
// site on the day of its deployment, with nothing else wrong. So the project and
// the handler are also compared by paths.
//
// The patterns determine which paths to try. If the pattern of the file and
// that of another route both match a path, they match one with their static
// text, and in every other place a text that is in no route; and one such path
// of every length, if either has a catch-all. If none of these is taken, no
// path is: any other pattern that matches such a path matches all paths of its
// kind.

// A misroute is a path that belongs to a file, and reaches the handler of another
// route.
type misroute struct{ route, path string }

// misroutes returns a path for each route that takes requests of a file of another
// route, in order of precedence.
func (c *comparison) misroutes(e entry) (all []misroute) {
	if c.table == nil {
		return nil // the project's response is unknown
	}
	f := e.Route
	f.Pages = f.Pages || e.page // a page accepts other methods than GET, for server actions
	for _, p := range c.ported {
		for path := range c.paths(f.Pattern, p) {
			route, ok := c.serves(path, f)
			if ok && route != f.Pattern.String() && !slices.ContainsFunc(all, func(m misroute) bool { return m.route == route }) {
				all = append(all, misroute{route, path})
			}
		}
	}
	return all
}

// leftToOld reports whether the old server gets the requests for a file that no
// route of the handler matches.
func (c *comparison) leftToOld(f Route) bool {
	for path := range c.paths(f.Pattern, f.Pattern) {
		if h, _ := c.reach(path); h == nil || !passesToOld(h, f) {
			return false
		}
	}
	return true
}

// paths returns the paths to try for a pattern of the project and another one:
// those that Next.js gives to the former.
func (c *comparison) paths(p, q pattern.Pattern) iter.Seq[string] {
	return func(yield func(string) bool) {
		a, b := segments(p), segments(q)
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] && !isParam(a[i]) && !isParam(b[i]) {
				return // no path matches both
			}
		}
		for n := range c.longest + 2 {
			path := samplePath(a, b, n, c.unusedSegment)
			if _, err := p.Match(path); err != nil {
				continue
			}
			if _, err := q.Match(path); err != nil {
				continue
			}
			if c.table != nil {
				if m, err := c.table.Match(path); err != nil || m.Pattern.String() != p.String() {
					continue
				}
			}
			if !yield(path) {
				return
			}
		}
	}
}

// serves reports whether the handler has a route for a path and responds
// itself to some request for the file.
func (c *comparison) serves(path string, f Route) (route string, ok bool) {
	h, route := c.reach(path)
	return route, route != "" && (h == nil || !passesToOld(h, f))
}

// reach returns what serves a path, inside all the routers that it can see into,
// and the route that leads there, if any.
func (c *comparison) reach(path string) (h http.Handler, route string) {
	h = c.handler
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil, ""
	}
	r := &http.Request{Method: http.MethodGet, URL: u, Host: "localhost"}
	for range 1000 { // more is a cycle
		switch v := h.(type) {
		case *old:
			return v, route
		case interface {
			Handler(*http.Request) (http.Handler, string) // an http.ServeMux too
		}:
			next, p := v.Handler(r)
			h, route = next, cmp.Or(p, route)
		case interface{ Unwrap() http.Handler }:
			h = v.Unwrap()
		default:
			return h, route
		}
	}
	return h, route
}

// passesToOld reports whether the old server gets all requests that a file responds
// to.
func passesToOld(h http.Handler, f Route) bool {
	for e := range pattern.Walk(h) {
		if !isOld(e) {
			return false
		}
		served, ok := servedMethods(e)
		if !ok {
			continue
		}
		if f.Pages || f.Unknown != "" {
			return false
		}
		for _, m := range f.Methods {
			if !slices.Contains(served, m) {
				return false
			}
		}
	}
	return true
}

// samplePath returns a path of n segments: the static text of two patterns, and a
// segment that no route has for each parameter.
func samplePath(a, b []string, n int, unusedSegment string) string {
	if n == 0 {
		return "/"
	}
	var path strings.Builder
	for i := range n {
		switch {
		case i < len(a) && !isParam(a[i]):
			path.WriteString("/" + url.PathEscape(a[i]))
		case i < len(b) && !isParam(b[i]):
			path.WriteString("/" + url.PathEscape(b[i]))
		default:
			path.WriteString("/" + unusedSegment)
		}
	}
	return path.String()
}

// segments returns those of a pattern.
func segments(p pattern.Pattern) []string {
	return strings.FieldsFunc(p.String(), func(c rune) bool { return c == '/' })
}

// isParam reports whether a segment is a parameter.
func isParam(segment string) bool {
	return strings.HasPrefix(segment, "[") && strings.HasSuffix(segment, "]")
}

// publicFiles reports the files of the directory public that a route of the handler
// takes, and those of the build: Next.js serves both before every dynamic route.
func (c *comparison) publicFiles() error {
	if len(c.ported) == 0 {
		return nil
	}
	var routes []string
	files := map[string][]string{}
	try := func(path, name string) {
		route, ok := c.serves((&url.URL{Path: path}).EscapedPath(), Route{Pages: true})
		if !ok || route == path { // Scan reports it
			return
		}
		if files[route] == nil {
			routes = append(routes, route)
		}
		files[route] = append(files[route], name)
	}
	try("/_next/static/"+c.unusedSegment, "/_next/static/*")
	err := fs.WalkDir(c.fsys, "public", func(name string, f fs.DirEntry, err error) error {
		if err == nil && !f.IsDir() {
			try(strings.TrimPrefix(name, "public"), name)
		}
		return err
	})
	for _, route := range routes {
		c.misrouted = append(c.misrouted, fmt.Sprintf("files are answered by the handler of %s: %s", route, firstFew(files[route])))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("nextfs: %w", err)
}

// firstFew lists the first few of many names.
func firstFew(names []string) string {
	const most = 5
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}
