package nextfs

import (
	"io/fs"
	"net/http"

	"github.com/apiece/apiece/pattern"
)

// Old marks h as the old server: the proxy to the Next.js project for what is not
// ported. [Check] counts the routes that it serves, and asks nothing of it. It
// may serve a route, a method of one, or be the NotFound of the
// [pattern.HandlerConfig], for whatever no route matches.
//
//	old := nextfs.Old(toNext)
//	routes := map[string]http.Handler{
//		"/api/users": old,
//		"/api/posts": middleware.Methods{"GET": list, "POST": old},
//	}
func Old(h http.Handler) http.Handler { return &old{h} }

type old struct{ http.Handler }

func (o *old) Unwrap() http.Handler { return o.Handler }

// Baseline returns every API route of the Next.js project at the root of fsys
// with the old server for a handler, marked by [Old]. A migration begins with
// these routes, and puts handlers in their places:
//
//	routes, err := nextfs.Baseline(os.DirFS("../web"), toNext)
//	maps.Copy(routes, ported)
//
// It is for tests, and for services that have the project at hand when they start;
// the command nextroutes prints the same as Go code. The errors are those of
// [Scan], and the routes are returned nevertheless.
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

// methodsOf returns the methods that the handlers on the way to an endpoint serve:
// all but those that one of them answers with 405.
func methodsOf(e pattern.Endpoint) (served []string, ok bool) {
	for _, h := range e.Layers {
		if lister, ok := h.(interface{ Methods() []string }); ok {
			return lister.Methods(), true
		}
	}
	return nil, false
}

// limited reports whether an endpoint keeps anything from the old server.
func limited(e pattern.Endpoint) bool {
	_, limited := methodsOf(e)
	return limited || !isOld(e)
}
