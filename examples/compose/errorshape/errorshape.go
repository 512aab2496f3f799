// Package errorshape sends every error as {"error": "..."}, for clients of a ported
// service that expect that member, instead of problem details (RFC 9457), the default
// of the kit.
//
//	chain := middleware.Chain(middleware.Config{OnError: errorshape.OnError})
//	routes, err := pattern.NewHandler(map[string]http.Handler{
//		"/api/posts": chain.Then(middleware.Methods{
//			"GET":  reply.HandlerFunc(list),
//			"POST": bind.Handler(create),
//		}),
//	}, pattern.HandlerConfig{OnError: errorshape.OnError})
//
// The kit decides the status, text and header of an error, and logs server errors;
// the hook only renders. Pieces inside a chain use the OnError of the chain, unless
// they have their own. Set it on pieces outside the chain too, as for the routes
// here.
//
// The 404 and 405 of http.ServeMux are plain text, without a hook: register "/" for
// the first, and patterns without a method for the second.
//
// [NextJS] is for clients that know both forms of a Next.js project: the object that its
// handlers sent, and the plain text of Next.js itself.
package errorshape

import (
	"errors"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/reply"
)

// OnError sends err as {"error": "..."}. Use it in any OnError field of the kit.
func OnError(w http.ResponseWriter, r *http.Request, err error) {
	reply.ErrorJSON(shape)(w, r, err)
}

// NextJS sends the errors of handlers as {"error": "..."}, and all others as the text of
// Next.js: "Invalid JSON", "Body exceeded 1mb limit". A
// *reply.Error comes from a handler. An invalid field counts as one, with 400: in the
// Next.js project an if statement of the handler checked it. Use it in any OnError field
// of the kit.
func NextJS(w http.ResponseWriter, r *http.Request, err error) {
	var own *reply.Error
	var fields *bind.Errors
	switch {
	case errors.As(err, &own):
		OnError(w, r, err)
	case errors.As(err, &fields):
		OnError(w, r, reply.NewError(http.StatusBadRequest, fields.PublicMessage()).WithCause(err))
	default:
		reply.PlainError(w, r, err)
	}
}

func shape(e *reply.Error) any {
	return map[string]string{"error": e.PublicMessage()}
}
