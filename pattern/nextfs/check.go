package nextfs

import (
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/pattern"
)

// T is what Check uses of a [testing.T].
type T interface {
	Helper()                           // leaves Check out of the reported line
	Errorf(format string, args ...any) // once for what is wrong with the files, once for what differs
	Logf(format string, args ...any)   // once for what could not be compared
}

// Check fails the test if the routes of h are not those of the Next.js project
// at the root of fsys. It lists every file without a handler, every method
// that a route handler exports and the Go handler does not have, and the
// reverse of both. The errors of [Scan], which says what the extensions are,
// fail the test as well. Routes that the service has besides, for its health
// or its metrics, go into the mux beside h.
//
// A pattern counts as the same if it is written the same: a parameter by
// another name is another route.
//
// No handler is run. Methods are those that a handler tells by a method
// Methods() []string, as middleware.Methods has it: all that it answers
// with something else than 405. HEAD and OPTIONS are not missed in it, nor are
// they too many, unless the file exports them, because Next.js answers them
// either way. A handler that does not tell, behind other middleware for
// instance, passes: put the Methods outside, and the middleware around each of
// its handlers. So does one for a file whose methods are unknown, save for
// those that are known; the log of the test lists these routes. A file of
// pages/api gets every method, so that there is nothing to compare.
func Check(t T, fsys fs.FS, h *pattern.Handler, ext ...string) {
	t.Helper()
	if h == nil {
		t.Errorf("nextfs: Check: the handler is nil")
		return
	}
	files, err := Scan(fsys, ext...)
	if err != nil {
		t.Errorf("%v", err)
	}
	handlers := map[string]http.Handler{}
	for p, handler := range h.All() {
		handlers[p.String()] = handler
	}

	var wrong, unknown []string
	seen := map[string]bool{}
	for _, f := range files {
		route := f.Pattern.String()
		seen[route] = true
		handler, ok := handlers[route]
		if !ok {
			wrong = append(wrong, fmt.Sprintf("%s has no handler%s: %s", route, of(f.Methods), f.File))
			continue
		}
		lacks, exceeds, reason := compare(f, handler)
		if len(lacks) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s has no handler%s: %s", route, of(lacks), f.File))
		}
		if len(exceeds) > 0 {
			wrong = append(wrong, fmt.Sprintf("%s has a handler%s, which %s does not export", route, of(exceeds), f.File))
		}
		if reason != "" {
			unknown = append(unknown, fmt.Sprintf("%s: %s: %s", route, f.File, reason))
		}
	}
	for p := range h.All() {
		if !seen[p.String()] {
			wrong = append(wrong, fmt.Sprintf("%s has a handler, but no file", p))
		}
	}
	if len(unknown) > 0 {
		t.Logf("nextfs: methods that could not be compared:\n\t%s", strings.Join(unknown, "\n\t"))
	}
	if len(wrong) > 0 {
		t.Errorf("nextfs: the handlers are not those of the Next.js project:\n\t%s", strings.Join(wrong, "\n\t"))
	}
}

func of(methods []string) string {
	if len(methods) == 0 {
		return ""
	}
	return " of " + strings.Join(methods, ", ")
}

// compare returns the methods that only the file has, and those that only the
// handler has. If it could not compare all of them, reason says why.
func compare(f Route, handler http.Handler) (lacks, exceeds []string, reason string) {
	if f.Pages {
		return nil, nil, ""
	}
	lister, ok := handler.(interface{ Methods() []string })
	if !ok {
		return nil, nil, fmt.Sprintf("%T has no method Methods() []string", handler)
	}
	served := lister.Methods()
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
