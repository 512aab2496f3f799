package service

import (
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// A choice is the theme of the page.
type choice struct {
	Theme string `json:"theme" validate:"required,oneof=light dark"`
}

// theme stores a choice in a cookie.
func theme() http.Handler {
	return middleware.Methods{
		"GET": bind.Func(func(r *http.Request, _ struct{}) (map[string]string, error) { return cookies.All(r), nil }),
		"POST": bind.Handler(func(w http.ResponseWriter, r *http.Request, in choice) error {
			err := cookies.Set(w, &http.Cookie{
				Name: "theme", Value: in.Theme,
				Path: "/", MaxAge: 30 * 24 * 3600, SameSite: http.SameSiteLaxMode, HttpOnly: true,
			})
			if err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusNoContent, nil)
		}),
		"DELETE": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			if err := cookies.Delete(w, &http.Cookie{Name: "theme", Path: "/"}); err != nil {
				return err
			}
			return reply.Send(w, r, http.StatusNoContent, nil)
		}),
	}
}
