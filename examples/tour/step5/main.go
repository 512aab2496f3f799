// Command step5 caches responses: it reads its notes once until one is added.
package main

import (
	"log"
	"net/http"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/tour/notes"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

// A newNote is the body of a POST.
type newNote struct {
	Text string `json:"text" validate:"required,max=280"`
}

// A request for one note has its ID in the path.
type one struct {
	ID string `path:"id"`
}

// A created is the response to a new note, with status 201.
type created struct{ notes.Note }

func (created) StatusCode() int { return http.StatusCreated }

func routes(store *notes.Store) http.Handler {
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}})

	list := func(r *http.Request, _ struct{}) ([]notes.Note, error) {
		cache.Tag(r.Context(), "notes")
		return store.All(), nil
	}
	add := func(r *http.Request, in newNote) (created, error) {
		note := store.Add(in.Text)
		return created{note}, pages.InvalidateTag(r.Context(), "notes")
	}

	find := func(r *http.Request, in one) (notes.Note, error) {
		note, ok := store.Find(in.ID)
		if !ok {
			return note, reply.NewError(http.StatusNotFound, "There is no such note")
		}
		return note, nil
	}

	table, err := pattern.NewHandler(map[string]http.Handler{
		"/api/notes":      middleware.Methods{"GET": pages.Middleware(bind.QueryFunc(list)), "POST": bind.Func(add)},
		"/api/notes/[id]": middleware.Methods{"GET": bind.QueryFunc(find)},
	}, pattern.HandlerConfig{})
	if err != nil {
		panic(err) // the map above has conflicting routes
	}
	return middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 10 * bytesize.KB},
		MaxDuration: 5 * time.Second,
	})(table)
}

func main() {
	server := &http.Server{
		Addr:              "localhost:8080",
		Handler:           routes(&notes.Store{}),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
	log.Fatal(server.ListenAndServe())
}
