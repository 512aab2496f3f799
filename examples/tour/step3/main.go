// Command step3 limits the size of a body and the time for a request and a header. A
// panic gets a 500, and is logged once.
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
)

// A newNote is the body of a POST.
type newNote struct {
	Text string `json:"text" validate:"required,max=280"`
}

// A created is the response to a new note, with status 201.
type created struct{ notes.Note }

func (created) StatusCode() int { return http.StatusCreated }

func routes(store *notes.Store) http.Handler {
	list := func(r *http.Request, _ struct{}) ([]notes.Note, error) {
		return store.All(), nil
	}
	add := func(r *http.Request, in newNote) (created, error) {
		return created{store.Add(in.Text)}, nil
	}

	mux := http.NewServeMux()
	mux.Handle("GET /api/notes", bind.QueryFunc(list))
	mux.Handle("POST /api/notes", bind.Func(add))
	return middleware.New(middleware.Config{
		BodyParser:  bodyparser.Config{Limit: 10 * bytesize.KB},
		MaxDuration: 5 * time.Second,
	})(mux)
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
