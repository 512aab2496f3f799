package bodyparser

import (
	"io"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/render"
	"github.com/go-playground/validator/v10"
)

type renderOrder struct{ order }

func (*renderOrder) Bind(*http.Request) error { return nil }

var chiBinder = over("chi + render", "github.com/go-chi/render", func() http.Handler {
	v := validator.New(validator.WithRequiredStructEnabled())
	m := chi.NewRouter()
	m.Use(middleware.RequestSize(limit))
	m.Post("/", func(w http.ResponseWriter, r *http.Request) {
		o := new(renderOrder)
		err := render.Bind(r, o)
		if err == nil {
			err = v.Struct(&o.order)
		}
		got(&o.order)
		answer(w, err)
	})
	return m
})

func (*small) Bind(*http.Request) error { return nil }

func chiSmall() http.Handler {
	m := chi.NewRouter()
	m.Use(middleware.RequestSize(kibibyte))
	m.Post("/", func(w http.ResponseWriter, r *http.Request) {
		var v small
		if err := render.Bind(r, &v); err != nil {
			status := 400
			if strings.Contains(err.Error(), "too large") {
				status = 413
			}
			w.WriteHeader(status)
			return
		}
		_, _ = io.WriteString(w, v.A)
	})
	return m
}
