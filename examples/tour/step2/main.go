// Command step2 has typed and validated requests.
package main

import (
	"log"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/tour/notes"
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
	return mux
}

func main() {
	log.Fatal(http.ListenAndServe("localhost:8080", routes(&notes.Store{})))
}
