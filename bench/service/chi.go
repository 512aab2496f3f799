package service

import (
	"net"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// chiServer has the middleware of chi around handlers written by hand.
func chiServer(f form) server {
	return f.of(server{
		name:   "chi",
		module: "github.com/go-chi/chi/v5",
		weaker: []string{
			"the timeout ends the context and no more: a handler that does not look goes on, and the client waits",
			"no bound on the time of a slow body",
			"no limit on responses, no ETag",
		},
		listen: func(timeout time.Duration) func(net.Listener) error {
			v := newValidator()
			m := chi.NewRouter()
			if f != samePromises {
				m.Use(middleware.Recoverer)
			}
			m.Use(middleware.RequestSize(bodyLimit))
			m.Group(func(m chi.Router) {
				if f == documented {
					m.Use(middleware.Timeout(timeout))
				}
				m.Post("/api/posts", func(w http.ResponseWriter, r *http.Request) {
					p, err := readPost(r.Body, v)
					if err != nil {
						fail(w, r, err)
						return
					}
					writeJSON(w, http.StatusCreated, accept(p))
				})
				m.Get("/api/posts/{id}", func(w http.ResponseWriter, r *http.Request) {
					p, err := find(chi.URLParam(r, "id"))
					if err != nil {
						fail(w, r, err)
						return
					}
					writeJSON(w, http.StatusOK, p)
				})
				m.Get("/page", writePage)
				m.Get("/api/slow", slow(timeout))
				m.Get("/api/panic", panics)
			})
			m.Get("/api/events/{n}", func(w http.ResponseWriter, r *http.Request) {
				writeEvents(w, r, chi.URLParam(r, "n"))
			})
			m.NotFound(func(w http.ResponseWriter, r *http.Request) { fail(w, r, failure(http.StatusNotFound)) })
			return overHTTP(f.around(m, timeout))
		},
	})
}
