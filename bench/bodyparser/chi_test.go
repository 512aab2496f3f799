package bodyparser_test

import (
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/render"
	"github.com/go-playground/validator/v10"
)

type renderOrder struct{ order }

func (*renderOrder) Bind(*http.Request) error { return nil }

func chiBinder() rival {
	v := validator.New(validator.WithRequiredStructEnabled())
	m := chi.NewRouter()
	m.Use(middleware.RequestSize(limit))
	m.Post("/", func(w http.ResponseWriter, r *http.Request) {
		o := new(renderOrder)
		err := render.Bind(r, o)
		if err == nil {
			err = v.Struct(&o.order)
		}
		answer(w, err)
	})
	return over("chi + render", m)
}
