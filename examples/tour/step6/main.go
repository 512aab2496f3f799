// Command step6 sends every reader an event for each new note, and ends its streams
// before the server.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/examples/tour/notes"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
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

func routes(store *notes.Store, feed *hub.Hub) http.Handler {
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}})

	list := func(r *http.Request, _ struct{}) ([]notes.Note, error) {
		cache.Tag(r.Context(), "notes")
		return store.All(), nil
	}
	add := func(r *http.Request, in newNote) (created, error) {
		note := store.Add(in.Text)
		if err := pages.InvalidateTag(r.Context(), "notes"); err != nil {
			return created{}, err
		}
		data, err := json.Marshal(note)
		if err != nil {
			return created{}, err
		}
		_, err = feed.Publish(r.Context(), "notes", stream.Event{Name: "note", Data: string(data)})
		return created{note}, err
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
		"/api/events":     middleware.Methods{"GET": feed.Handler("notes")},
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
	feed := hub.New(hub.Config{MaxHistory: 100})
	server := &http.Server{
		Addr:              "localhost:8080",
		Handler:           routes(&notes.Store{}, feed),
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	stopped := make(chan error, 1)
	context.AfterFunc(interrupted, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		server.RegisterOnShutdown(func() { feed.Shutdown(ctx) })
		stopped <- errors.Join(server.Shutdown(ctx), server.Close())
	})
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	if err := <-stopped; err != nil {
		log.Fatal(err)
	}
}
