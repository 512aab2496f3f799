package nextfs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// T is what Check uses of a [testing.T].
type T interface {
	Helper()                           // excludes Check from the reported line
	Errorf(format string, args ...any) // once for errors in the files, for wrong routes, and for differences
	Logf(format string, args ...any)   // once for the count, and for what could not be compared
}

// Check fails the test unless h has the routes of the Next.js project at the
// root of fsys. It lists every file without a handler, every method that a
// route handler exports and the Go handler lacks, and the reverse of both. The
// errors of [Scan], which also describes the extensions, fail the test too.
// Register additional routes of the service, such as health or metrics, on the
// mux next to h.
//
// Another error is a file without a handler whose requests reach the handler of
// another route: pages/api/post/create.ts where only /api/post/[pid] is ported.
// The same applies to pages, to files in the directory public and to those below
// /_next, if a route such as /[...slug] takes their paths.
//
// In a project that is ported in part, routes that [Old] serves are not missing,
// nor are those without a handler if the NotFound of h is Old. The test logs the
// count: "15 of 266 routes are ported".
//
// Patterns are the same if they are written the same: a parameter with another
// name is another route.
//
// Check runs no handler. It gets the methods of a handler from its method
// Methods() []string, as in middleware.Methods: all methods that it does not
// answer with 405. The handler may be inside any middleware that [pattern.Walk]
// sees through. HEAD and OPTIONS are neither missing nor extra, unless the file
// exports them, because Next.js responds to them in any case. A handler without
// Methods, for example inside other middleware, passes: put the Methods
// outside, and that middleware around each of its handlers. A handler for a
// file with unknown methods passes too, except for those that are known; the
// test logs these routes. A file of pages/api accepts every method, so there is
// nothing to compare.
func Check(t T, fsys fs.FS, h *pattern.Handler, ext ...string) {
	t.Helper()
	if h == nil {
		t.Errorf("nextfs: Check: the handler is nil")
		return
	}
	c, err := compare(fsys, h, ext)
	if err != nil {
		t.Errorf("%v", err)
	}
	if total := len(c.seen); total > 0 {
		partly := ""
		if c.partly > 0 {
			partly = fmt.Sprintf(", %d of them in part", c.partly)
		}
		t.Logf("nextfs: %d of %d routes are ported%s", c.done, total, partly)
	}
	if len(c.unknown) > 0 {
		t.Logf("nextfs: methods that could not be compared:\n\t%s", strings.Join(c.unknown, "\n\t"))
	}
	if len(c.misrouted) > 0 {
		t.Errorf("nextfs: requests reach the handler of another route than in the Next.js project:\n\t%s", strings.Join(c.misrouted, "\n\t"))
	}
	if len(c.different) > 0 {
		t.Errorf("nextfs: the handlers are not those of the Next.js project:\n\t%s", strings.Join(c.different, "\n\t"))
	}
}

// A comparison compares the files of a project with a handler.
type comparison struct {
	*scanner
	handler       *pattern.Handler
	endpoints     map[string][]pattern.Endpoint // by route
	ported        []pattern.Pattern             // the routes that may keep requests from the old server
	longest       int                           // the most segments of a route of either
	unusedSegment string                        // one that is in none of them

	seen                          map[string]bool // the routes of the files
	done, partly                  int             // how many of them are ported
	misrouted, different, unknown []string
}

func compare(fsys fs.FS, h *pattern.Handler, ext []string) (*comparison, error) {
	s, err := scan(fsys, ext)
	c := &comparison{scanner: s, handler: h, endpoints: map[string][]pattern.Endpoint{}, seen: map[string]bool{}}
	var routes []pattern.Pattern // of the handler
	routers := []*pattern.Handler{h}
	for e := range pattern.Walk(h) {
		route := e.Pattern.String()
		if c.endpoints[route] == nil {
			routes = append(routes, e.Pattern)
		}
		c.endpoints[route] = append(c.endpoints[route], e)
		for _, l := range e.Layers {
			if router, ok := l.(*pattern.Handler); ok && !slices.Contains(routers, router) {
				routers = append(routers, router)
			}
		}
	}
	for _, router := range routers {
		for p := range router.All() {
			endpoints := c.endpoints[p.String()]
			if len(endpoints) == 0 || slices.ContainsFunc(endpoints, keepsFromOld) {
				c.ported = append(c.ported, p)
			}
		}
	}
	c.measure(slices.Concat(slices.Collect(maps.Keys(c.endpoints)), slices.Collect(maps.Keys(s.entries))))
	for _, f := range s.routes {
		c.file(f)
	}
	for _, route := range slices.Sorted(maps.Keys(s.entries)) {
		if e := s.representative(route); e.page && c.endpoints[route] == nil {
			c.reportMisroutes(e)
		}
	}
	publicErr := c.publicFiles()
	for _, p := range routes {
		if !c.seen[p.String()] {
			c.different = append(c.different, fmt.Sprintf("%s has a handler, but no file", p))
		}
	}
	return c, errors.Join(err, publicErr)
}

// measure finds a segment that no route has.
func (c *comparison) measure(routes []string) {
	segs := map[string]bool{}
	for _, route := range routes {
		c.longest = max(c.longest, strings.Count(route, "/"))
		for seg := range strings.SplitSeq(route, "/") {
			segs[seg] = true
		}
	}
	for c.unusedSegment = "x"; segs[c.unusedSegment]; {
		c.unusedSegment += "x"
	}
}

// file compares an API route with its handler.
func (c *comparison) file(f Route) {
	route := f.Pattern.String()
	again := c.seen[route]
	c.seen[route] = true
	endpoints := c.endpoints[route]
	if endpoints == nil {
		if !c.reportMisroutes(entry{f, false}) && !c.leftToOld(f) {
			c.different = append(c.different, fmt.Sprintf("%s has no handler%s: %s", route, of(f.Methods), f.File))
		}
		return
	}
	left := 0
	for _, e := range endpoints {
		if isOld(e) {
			left++
		}
	}
	if left < len(endpoints) && !again {
		c.done++
		if left > 0 {
			c.partly++
		}
	}
	lacks, exceeds, reason := compareMethods(f, endpoints)
	if len(lacks) > 0 {
		c.different = append(c.different, fmt.Sprintf("%s has no handler%s: %s", route, of(lacks), f.File))
	}
	if len(exceeds) > 0 {
		c.different = append(c.different, fmt.Sprintf("%s has a handler%s, which %s does not export", route, of(exceeds), f.File))
	}
	if reason != "" {
		c.unknown = append(c.unknown, fmt.Sprintf("%s: %s: %s", route, f.File, reason))
	}
}

// reportMisroutes reports the handlers of other routes that take the requests of a
// file.
func (c *comparison) reportMisroutes(e entry) bool {
	all := c.misroutes(e)
	for _, m := range all {
		where := ""
		if m.path != e.Pattern.String() {
			where = " at " + m.path
		}
		c.misrouted = append(c.misrouted, fmt.Sprintf("%s is answered by the handler of %s%s: %s", e.Pattern, m.route, where, e.File))
	}
	return len(all) > 0
}

func of(methods []string) string {
	if len(methods) == 0 {
		return ""
	}
	return " of " + strings.Join(methods, ", ")
}

// compareMethods returns the methods that only the file has, and those that only
// the handler has. If some could not be compared, reason says why.
func compareMethods(f Route, endpoints []pattern.Endpoint) (lacks, exceeds []string, reason string) {
	if f.Pages {
		return nil, nil, ""
	}
	var rest []pattern.Endpoint // serves all methods, or all others
	served, ok := servedMethods(endpoints[0])
	if !ok {
		for _, e := range endpoints {
			if e.Method == "" {
				rest = append(rest, e)
			} else {
				served = append(served, e.Method)
			}
		}
	}
	for _, e := range rest {
		if !isOld(e) {
			return nil, nil, fmt.Sprintf("%T has neither a method Methods() []string nor Unwrap() http.Handler", e.Handler())
		}
	}
	for _, m := range f.Methods {
		if rest == nil && !slices.Contains(served, m) {
			lacks = append(lacks, m)
		}
	}
	if f.Unknown != "" {
		if rest == nil {
			reason = f.Unknown
		}
		return lacks, nil, reason
	}
	for _, m := range served {
		implied := m == http.MethodOptions || m == http.MethodHead && slices.Contains(f.Methods, http.MethodGet)
		if !implied && !slices.Contains(f.Methods, m) {
			exceeds = append(exceeds, m)
		}
	}
	return lacks, exceeds, ""
}
