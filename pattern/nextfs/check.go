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
	Helper()                           // leaves Check out of the reported line
	Errorf(format string, args ...any) // once for what is wrong with the files, for the wrong routes, and for what differs
	Logf(format string, args ...any)   // once for the count, and for what could not be compared
}

// Check fails the test if the routes of h are not those of the Next.js project
// at the root of fsys. It lists every file without a handler, every method
// that a route handler exports and the Go handler does not have, and the
// reverse of both. The errors of [Scan], which says what the extensions are,
// fail the test as well. Routes that the service has besides, for its health
// or its metrics, go into the mux beside h.
//
// An error of its own is a file without a handler whose requests reach that of
// another route: pages/api/post/create.ts where only /api/post/[pid] is ported. So
// it is with a page, with files of the directory public and with those below
// /_next that a route such as /[...slug] takes.
//
// Of a project that is ported in part, the routes that [Old] serves count as
// there, and so do those without a handler if the NotFound of h is Old. The log of
// the test has the count: "15 of 266 routes are ported".
//
// A pattern counts as the same if it is written the same: a parameter by
// another name is another route.
//
// No handler is run. Methods are those that a handler tells by a method
// Methods() []string, as middleware.Methods has it: all that it answers
// with something else than 405. It may stand behind every middleware that
// [pattern.Walk] sees through. HEAD and OPTIONS are not missed in it, nor are
// they too many, unless the file exports them, because Next.js answers them
// either way. A handler that does not tell, behind other middleware for
// instance, passes: put the Methods outside, and that middleware around each of
// its handlers. So does one for a file whose methods are unknown, save for
// those that are known; the log of the test lists these routes. A file of
// pages/api gets every method, so that there is nothing to compare.
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
	if len(c.breaks) > 0 {
		t.Errorf("nextfs: requests reach the handler of another route than in the Next.js project:\n\t%s", strings.Join(c.breaks, "\n\t"))
	}
	if len(c.wrong) > 0 {
		t.Errorf("nextfs: the handlers are not those of the Next.js project:\n\t%s", strings.Join(c.wrong, "\n\t"))
	}
}

// A comparison is of the files of a project with a handler.
type comparison struct {
	*scanner
	handler   *pattern.Handler
	endpoints map[string][]pattern.Endpoint // by route
	ported    []pattern.Pattern             // the routes that may keep something from the old server
	longest   int                           // the most segments of a route of either
	fresh     string                        // a segment that is in none of them

	seen                   map[string]bool // the routes of the files
	done, partly           int             // how many of them are ported
	breaks, wrong, unknown []string
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
			if len(endpoints) == 0 || slices.ContainsFunc(endpoints, limited) {
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
			c.reportTaken(e)
		}
	}
	publicErr := c.publicFiles()
	for _, p := range routes {
		if !c.seen[p.String()] {
			c.wrong = append(c.wrong, fmt.Sprintf("%s has a handler, but no file", p))
		}
	}
	return c, errors.Join(err, publicErr)
}

// measure looks for what no route has.
func (c *comparison) measure(routes []string) {
	segs := map[string]bool{}
	for _, route := range routes {
		c.longest = max(c.longest, strings.Count(route, "/"))
		for seg := range strings.SplitSeq(route, "/") {
			segs[seg] = true
		}
	}
	for c.fresh = "x"; segs[c.fresh]; {
		c.fresh += "x"
	}
}

// file compares an API route with its handler.
func (c *comparison) file(f Route) {
	route := f.Pattern.String()
	again := c.seen[route]
	c.seen[route] = true
	endpoints := c.endpoints[route]
	if endpoints == nil {
		if !c.reportTaken(entry{f, false}) && !c.handedOn(f) {
			c.wrong = append(c.wrong, fmt.Sprintf("%s has no handler%s: %s", route, of(f.Methods), f.File))
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
	lacks, exceeds, reason := compareMethods(f, endpoints[0])
	if len(lacks) > 0 {
		c.wrong = append(c.wrong, fmt.Sprintf("%s has no handler%s: %s", route, of(lacks), f.File))
	}
	if len(exceeds) > 0 {
		c.wrong = append(c.wrong, fmt.Sprintf("%s has a handler%s, which %s does not export", route, of(exceeds), f.File))
	}
	if reason != "" {
		c.unknown = append(c.unknown, fmt.Sprintf("%s: %s: %s", route, f.File, reason))
	}
}

// reportTaken reports the handlers of other routes that answer for a file.
func (c *comparison) reportTaken(e entry) bool {
	all := c.taken(e)
	for _, t := range all {
		where := ""
		if t.path != e.Pattern.String() {
			where = " at " + t.path
		}
		c.breaks = append(c.breaks, fmt.Sprintf("%s is answered by the handler of %s%s: %s", e.Pattern, t.route, where, e.File))
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
// the handler has. If it could not compare all of them, reason says why.
func compareMethods(f Route, e pattern.Endpoint) (lacks, exceeds []string, reason string) {
	if f.Pages {
		return nil, nil, ""
	}
	served, ok := methodsOf(e)
	switch {
	case !ok && isOld(e):
		return nil, nil, "" // which has them all
	case !ok:
		return nil, nil, fmt.Sprintf("%T has neither a method Methods() []string nor Unwrap() http.Handler", e.Handler())
	}
	for _, m := range f.Methods {
		if !slices.Contains(served, m) {
			lacks = append(lacks, m)
		}
	}
	if f.Unknown != "" {
		return lacks, nil, f.Unknown
	}
	for _, m := range served {
		implied := m == http.MethodOptions || m == http.MethodHead && slices.Contains(f.Methods, http.MethodGet)
		if !implied && !slices.Contains(f.Methods, m) {
			exceeds = append(exceeds, m)
		}
	}
	return lacks, exceeds, ""
}
