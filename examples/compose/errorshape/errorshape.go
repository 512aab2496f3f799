// Package errorshape answers every error as {"error": "..."}, for clients of a
// ported service that look for that member, in place of the problem documents
// (RFC 9457) that the kit sends by default.
//
//	chain := middleware.Chain(middleware.Config{OnError: errorshape.OnError})
//	routes, err := pattern.NewHandler(map[string]http.Handler{
//		"/api/posts": errorshape.Methods{
//			"GET":  chain.Then(reply.Handler(list, errorshape.OnError)),
//			"POST": chain.Then(bind.HandlerWith(bind.Config{OnError: errorshape.OnError}, create)),
//		},
//	}, pattern.HandlerConfig{OnError: errorshape.OnError})
//
// The kit decides what an error is worth, status, text and header, and has
// logged it if it is the server's; the hook only renders. It is given to every
// piece, since each answers by its own.
//
// Two pass by the hook, because they have none. The 404 and 405 of http.ServeMux
// are text: register "/" for the first, and patterns without a method for the
// second. The 405 of middleware.Methods is the same text; Methods here is it in
// the shape of the rest.
package errorshape

import (
	"cmp"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// OnError answers err as {"error": "..."}. It fits every OnError field of the
// kit.
func OnError(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusInternalServerError, ""
	var coded interface{ StatusCode() int }
	var large *http.MaxBytesError // of a handler that reads r.Body itself
	if errors.As(err, &coded) {
		status = coded.StatusCode()
	} else if errors.As(err, &large) {
		status = http.StatusRequestEntityTooLarge
	}
	// The error that has the status has the rest too. Error() is for the log.
	if public, ok := coded.(interface{ PublicMessage() string }); ok {
		message = public.PublicMessage()
	}
	if fields, ok := coded.(interface{ Header() http.Header }); ok {
		maps.Copy(w.Header(), fields.Header()) // Retry-After, Allow
	}
	reply.JSON(w, r, status, map[string]string{"error": cmp.Or(message, http.StatusText(status))})
}

// Methods is [middleware.Methods] with a 405 in the shape of the others.
type Methods middleware.Methods

// ServeHTTP calls the handler for the method of r.
func (m Methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	allowed := middleware.Methods(m).Methods()
	if !slices.Contains(allowed, r.Method) {
		OnError(w, r, reply.NewError(http.StatusMethodNotAllowed, "").WithHeader("Allow", strings.Join(allowed, ", ")))
		return
	}
	middleware.Methods(m).ServeHTTP(w, r)
}

// Methods lists the methods that are served.
func (m Methods) Methods() []string { return middleware.Methods(m).Methods() }
