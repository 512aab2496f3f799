package service

import (
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// apieceServer is the whole chain of the kit around routes of the kit: Recover,
// ResponseLimit, Timeout, the body parser, and a pattern.Handler. How errors are
// answered and where they are logged is said once, by the chain.
func apieceServer() server {
	return server{
		name:   "apiece",
		module: "github.com/apiece/apiece",
		listen: func(timeout time.Duration) func(net.Listener) error {
			quiet := slog.New(slog.DiscardHandler)
			chain := middleware.Chain(middleware.Config{
				BodyParser:    bodyparser.Config{Limit: bodyLimit},
				ResponseLimit: replyLimit,
				MaxDuration:   timeout,
				OnError:       refuse,
				Logger:        quiet,
			})
			routes, err := pattern.NewHandler(map[string]http.Handler{
				"/api/posts": middleware.Methods{
					"POST": bind.Handler(func(w http.ResponseWriter, r *http.Request, p newPost) error {
						return reply.JSON(w, r, http.StatusCreated, accept(p))
					}),
				},
				"/api/posts/[id]": middleware.Methods{
					"GET": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
						p, err := find(r.PathValue("id"))
						if err != nil {
							return err
						}
						return reply.JSON(w, r, http.StatusOK, p)
					}),
				},
				"/page": middleware.Methods{
					"GET": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
						return reply.Send(w, r, http.StatusOK, reply.Typed{Type: "text/html; charset=utf-8", Text: page})
					}),
				},
				"/api/events/[n]": middleware.Methods{
					"GET": stream.Handler(stream.Config{}, sendEvents),
				},
				"/api/slow":  slow(timeout),
				"/api/panic": http.HandlerFunc(panics),
			}, pattern.HandlerConfig{})
			if err != nil {
				panic(err)
			}
			return overHTTP(chain.Then(routes))
		},
	}
}

// refuse answers with the bodies that all of the services have, where the kit
// alone would say more in a problem document.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	f := failureOf(err)
	reply.JSON(w, r, int(f), f.body())
}

func sendEvents(s *stream.Stream) error {
	count, err := strconv.Atoi(s.Request().PathValue("n"))
	if err != nil {
		return failure(http.StatusBadRequest)
	}
	for range max(count, 1) {
		if err := s.Send(stream.Event{Name: "post", Data: event}); err != nil {
			return err
		}
	}
	if count == 0 {
		<-s.Context().Done()
	}
	return nil
}
