package nextfs

import (
	"io/fs"
	"net/http"

	"github.com/apiece/apiece/pattern"
)

// Old marks h as the old server: the proxy to the Next.js project for what is not
// ported. [Check] counts the routes that it serves, and does not check them. Use
// it for a route, for a method of one, or as the NotFound of the
// [pattern.HandlerConfig], for everything that no route matches.
//
//	old := nextfs.Old(toNext)
//	routes := map[string]http.Handler{
//		"/api/users": old,
//		"/api/posts": middleware.Methods{"GET": list, "POST": old},
//	}
//
// Old panics if h is nil.
func Old(h http.Handler) http.Handler {
	if h == nil {
		panic("nextfs: the handler of the old server is nil")
	}
	return &old{h}
}

type old struct{ http.Handler }

func (o *old) Unwrap() http.Handler { return o.Handler }

// Baseline returns every API route of the Next.js project at the root of fsys
// with the old server as its handler, marked by [Old]. Start a migration with
// these routes, and replace handlers one by one:
//
//	routes, err := nextfs.Baseline(os.DirFS("../web"), toNext)
//	maps.Copy(routes, ported)
//
// It is for tests, and for services that can read the project at startup; the
// command nextroutes prints the same as Go code. The errors are those of [Scan];
// the routes are returned even with an error.
func Baseline(fsys fs.FS, next http.Handler, ext ...string) (map[string]http.Handler, error) {
	files, err := Scan(fsys, ext...)
	routes, next := make(map[string]http.Handler, len(files)), Old(next)
	for _, f := range files {
		routes[f.Pattern.String()] = next
	}
	return routes, err
}

// isOld reports whether an endpoint is the old server.
func isOld(e pattern.Endpoint) bool {
	for _, h := range e.Layers {
		if _, ok := h.(*old); ok {
			return true
		}
	}
	return false
}

// servedMethods returns the methods that the handlers on the way to an endpoint
// serve: all except those that one of them answers with 405.
func servedMethods(e pattern.Endpoint) (served []string, ok bool) {
	for _, h := range e.Layers {
		if lister, ok := h.(interface{ Methods() []string }); ok {
			return lister.Methods(), true
		}
	}
	return nil, false
}

// keepsFromOld reports whether an endpoint keeps any request from the old server.
func keepsFromOld(e pattern.Endpoint) bool {
	_, limited := servedMethods(e)
	return limited || !isOld(e)
}
