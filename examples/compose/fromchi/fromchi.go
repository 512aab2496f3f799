// Package fromchi is a service on chi that uses the kit, as on any net/http router.
// docs/from-chi.md explains it.
//
// chi uses net/http handlers and middleware, so no adapter is needed: use pieces in
// r.Use, in r.With and around the router, and mount handlers of the kit with
// r.Method. chi sets its parameters in r.PathValue and its route in r.Pattern.
//
// One rule: put middleware.Timeout around the router, not in r.Use. Over HTTP/2 it
// responds while the handler still runs, and chi gives the routing context of that
// handler to the next request.
package fromchi

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	kit "github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// A Note is a stored note.
type Note struct {
	ID   string `path:"id" json:"id"`
	Text string `json:"text" validate:"required,max=280"`
}

// Notes serves notes from a read-only map: a request to change a note only returns
// the changed note.
func Notes(notes map[string]Note, limit time.Duration) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID) // chi's own, as before
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		reply.Problem(w, r, reply.NewError(http.StatusNotFound, ""))
	})

	r.Get("/notes/{id}", func(w http.ResponseWriter, r *http.Request) { // as before
		note, ok := notes[chi.URLParam(r, "id")]
		if !ok {
			http.Error(w, "no such note", http.StatusNotFound)
			return
		}
		reply.JSON(w, r, http.StatusOK, note) // a function of the kit: an ETag, and 304
	})
	r.Group(func(r chi.Router) { // a piece for a group
		r.Use(bodyparser.New(bodyparser.Config{Limit: 1 * bytesize.KB}))
		r.Method("PUT", "/notes/{id}", bind.Func(func(r *http.Request, in Note) (Note, error) {
			return in, nil // a handler of the kit
		}))
	})
	return kit.New(kit.Config{ // the pieces for all, around the router
		BodyParser:  bodyparser.Config{Raw: true}, // the group has its own
		MaxDuration: limit,
	})(r)
}
