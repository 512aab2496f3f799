// Package routes has what the tests of routetypes ask for.
package routes

import (
	"errors"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
)

type post struct {
	ID int `json:"id"`
}

var get = bind.Func(func(*http.Request, struct{}) (post, error) { return post{}, nil })

func Handler() (*pattern.Handler, error) {
	return pattern.NewHandler(map[string]http.Handler{"/api/posts/[id]": middleware.Methods{"GET": get}}, pattern.HandlerConfig{})
}

func Mux() map[string]http.Handler {
	return map[string]http.Handler{"PUT /api/posts/{id}": get, "example.com/": get}
}

func Fails() (http.Handler, error) { return nil, errors.New("no routes today") }

func Number() int { return 1 }
