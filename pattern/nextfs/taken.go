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

// A project is compared with a handler by the paths of requests. A path that
// Next.js gives to one file, and the handler to another route, is the fault that
// breaks a site on the day that it is deployed: nothing else looks wrong.
//
// Which paths to try follows from the patterns. Where that of the file and that
// of another route both match, they do so for one path that has their static
// text, and in every other place a text that is in no route; and for one such
// path of every length, if either has a catch-all. If none of them is taken, no
// path is: whatever else matches such a path matches all of its kind.

// taken returns the paths of a file that reach handlers of other routes, by these
// routes, in order of precedence.
type taken struct{ route, path string }

func (c *comparison) taken(e entry) (all []taken) {
	if c.table == nil {
		return nil // what the project answers is not known
	}
	for _, p := range c.ported {
		for path := range c.paths(e.Pattern, p) {
			route, ok := c.answers(path, e.Route)
			if ok && route != e.Pattern.String() && !slices.ContainsFunc(all, func(t taken) bool { return t.route == route }) {
				all = append(all, taken{route, path})
			}
		}
	}
	return all
}

// handedOn reports whether the requests for a file that no route of the handler
// matches go on to the old server.
func (c *comparison) handedOn(f Route) bool {
	for path := range c.paths(f.Pattern, f.Pattern) {
		if h, _ := c.reach(path); h == nil || !handsOn(h, f) {
			return false
		}
	}
	return true
}

// paths returns the paths to try of a pattern of the project and another: those
// that Next.js gives to the former.
func (c *comparison) paths(p, q pattern.Pattern) iter.Seq[string] {
	return func(yield func(string) bool) {
		for n := range c.longest + 2 {
			path, ok := witness(p, q, n, c.fresh)
			if ok && c.table != nil {
				m, err := c.table.Match(path)
				ok = err == nil && m.Pattern.String() == p.String()
			}
			if ok && !yield(path) {
				return
			}
		}
	}
}

// answers reports whether the handler has a route for a path, and answers some
// request for it by itself that is the file's to answer.
func (c *comparison) answers(path string, f Route) (route string, ok bool) {
	h, route := c.reach(path)
	return route, route != "" && (h == nil || !handsOn(h, f))
}

// reach returns what serves a path, within all the routers that can be seen into,
// and the route that leads there; no route if there is none.
func (c *comparison) reach(path string) (h http.Handler, route string) {
	h = c.handler
	u, err := url.ParseRequestURI(path)
	if err != nil {
		return nil, ""
	}
	r := &http.Request{Method: http.MethodGet, URL: u, Host: "localhost"}
	for range 1000 { // more is a circle
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

// handsOn reports whether everything that a file answers goes on to the old
// server.
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

// witness returns a path of n segments that both patterns match, with the fresh
// text wherever they leave it open.
func witness(p, q pattern.Pattern, n int, fresh string) (path string, ok bool) {
	a, b := segments(p), segments(q)
	var out strings.Builder
	for i := range n {
		x, xStatic := at(a, i)
		y, yStatic := at(b, i)
		switch {
		case xStatic && yStatic && x != y:
			return "", false
		case xStatic:
			out.WriteString("/" + url.PathEscape(x))
		case yStatic:
			out.WriteString("/" + url.PathEscape(y))
		default:
			out.WriteString("/" + fresh)
		}
	}
	if n == 0 {
		out.WriteByte('/')
	}
	for _, r := range []pattern.Pattern{p, q} {
		if _, err := r.Match(out.String()); err != nil {
			return "", false
		}
	}
	return out.String(), true
}

// at returns the static text of a segment, if it is one.
func at(segs []string, i int) (text string, static bool) {
	if i >= len(segs) || strings.HasPrefix(segs[i], "[") && strings.HasSuffix(segs[i], "]") {
		return "", false
	}
	return segs[i], true
}

func segments(p pattern.Pattern) []string {
	return strings.FieldsFunc(p.String(), func(c rune) bool { return c == '/' })
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
		if !ok || route == path { // which Scan reports
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

// some lists the first of many names.
func some(names []string) string {
	const most = 5
	if n := len(names) - most; n > 0 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), n)
	}
	return strings.Join(names, ", ")
}
