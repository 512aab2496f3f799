// Package fromchi is a service that runs on chi and uses the kit, as it would on
// any router of net/http. The page docs/from-chi.md walks through it.
//
// chi's routers and middleware are those of net/http, so nothing has to be
// adapted: pieces stand in r.Use, in r.With and around the router, handlers of
// the kit are mounted by r.Method, and chi tells them its parameters in
// r.PathValue and its route in r.Pattern.
//
// One rule: middleware.Timeout stands around the router, not in r.Use. Over HTTP/2 it
// answers while the handler still runs, and chi gives the routing context of
// that handler to the next request.
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

// A Note is what the service keeps.
type Note struct {
	ID   string `path:"id" json:"id"`
	Text string `json:"text" validate:"required,max=280"`
}

// Notes serves notes from a map that is read only: a request to change one gets
// the changed note.
func Notes(notes map[string]Note, limit time.Duration) http.Handler {
	r := chi.NewRouter()
	r.Use(middleware.RequestID) // chi's own, as before
	r.NotFound(failed(http.StatusNotFound).ServeHTTP)

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

// failed answers every request with an error of the status.
func failed(status int) http.Handler {
	return reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return reply.NewError(status, "") })
}
