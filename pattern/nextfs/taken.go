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

// A taken path belongs to a file, and reaches the handler of another route.
type taken struct{ route, path string }

// taken returns a path for each route that takes requests of a file of another
// route, in order of precedence.
func (c *comparison) taken(e entry) (all []taken) {
	if c.table == nil {
		return nil // the project's response is unknown
	}
	f := e.Route
	f.Pages = f.Pages || e.page // a page accepts other methods than GET, for server actions
	for _, p := range c.ported {
		for path := range c.paths(f.Pattern, p) {
			route, ok := c.answers(path, f)
			if ok && route != f.Pattern.String() && !slices.ContainsFunc(all, func(t taken) bool { return t.route == route }) {
				all = append(all, taken{route, path})
			}
		}
	}
	return all
}

// handedOn reports whether the old server gets the requests for a file that no
// route of the handler matches.
func (c *comparison) handedOn(f Route) bool {
	for path := range c.paths(f.Pattern, f.Pattern) {
		if h, _ := c.reach(path); h == nil || !handsOn(h, f) {
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
			if a[i] != b[i] && !dynamic(a[i]) && !dynamic(b[i]) {
				return // no path matches both
			}
		}
		for n := range c.longest + 2 {
			path := witness(a, b, n, c.fresh)
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

// answers reports whether the handler has a route for a path and responds
// itself to some request for the file.
func (c *comparison) answers(path string, f Route) (route string, ok bool) {
	h, route := c.reach(path)
	return route, route != "" && (h == nil || !handsOn(h, f))
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

// handsOn reports whether the old server gets all requests that a file responds
// to.
func handsOn(h http.Handler, f Route) bool {
	for e := range pattern.Walk(h) {
		if !isOld(e) {
			return false
		}
		served, ok := methodsOf(e)
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

// witness returns a path of n segments: the static text of two patterns, and a
// segment that no route has for each parameter.
func witness(a, b []string, n int, fresh string) string {
	if n == 0 {
		return "/"
	}
	var path strings.Builder
	for i := range n {
		switch {
		case i < len(a) && !dynamic(a[i]):
			path.WriteString("/" + url.PathEscape(a[i]))
		case i < len(b) && !dynamic(b[i]):
			path.WriteString("/" + url.PathEscape(b[i]))
		default:
			path.WriteString("/" + fresh)
		}
	}
	return path.String()
}

// segments returns those of a pattern.
func segments(p pattern.Pattern) []string {
	return strings.FieldsFunc(p.String(), func(c rune) bool { return c == '/' })
}

// dynamic reports whether a segment is a parameter.
func dynamic(segment string) bool {
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
		route, ok := c.answers((&url.URL{Path: path}).EscapedPath(), Route{Pages: true})
		if !ok || route == path { // Scan reports it
			return
		}
		if files[route] == nil {
			routes = append(routes, route)
		}
		files[route] = append(files[route], name)
	}
	try("/_next/static/"+c.fresh, "/_next/static/*")
	err := fs.WalkDir(c.fsys, "public", func(name string, f fs.DirEntry, err error) error {
		if err == nil && !f.IsDir() {
			try(strings.TrimPrefix(name, "public"), name)
		}
		return err
	})
	for _, route := range routes {
		c.breaks = append(c.breaks, fmt.Sprintf("files are answered by the handler of %s: %s", route, some(files[route])))
	}
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("nextfs: %w", err)
}

// some lists the first few of many names.
func some(names []string) string {
	const most = 5
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}
