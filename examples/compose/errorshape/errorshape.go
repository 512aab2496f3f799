// Package errorshape answers every error as {"error": "..."}, for clients of a
// ported service that look for that member, in place of the problem documents
// (RFC 9457) that the kit sends by default.
//
//	chain := middleware.Chain(middleware.Config{OnError: errorshape.OnError})
//	routes, err := pattern.NewHandler(map[string]http.Handler{
//		"/api/posts": chain.Then(middleware.Methods{
//			"GET":  reply.HandlerFunc(list),
//			"POST": bind.Handler(create),
//		}),
//	}, pattern.HandlerConfig{OnError: errorshape.OnError})
//
// The kit decides what an error is worth, status, text and header, and has
// logged it if it is the server's; the hook only renders. Everything inside of
// a chain answers as the chain does, unless it has an OnError of its own. What
// stands outside of one, as the routes do here, is given it too.
//
// The 404 and 405 of http.ServeMux are text, and know of no hook: register "/"
// for the first, and patterns without a method for the second.
package errorshape

import (
	"net/http"

	"github.com/apiece/apiece/reply"
)

// OnError answers err as {"error": "..."}. It fits every OnError field of the
// kit.
func OnError(w http.ResponseWriter, r *http.Request, err error) {
	reply.ErrorJSON(shape)(w, r, err)
}

func shape(e *reply.Error) any {
	return map[string]string{"error": e.PublicMessage()}
}
