// Command hello is the first program of the README.
package main

import (
	"log"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

type greeting struct {
	Name string `json:"name" validate:"required,max=40"`
}

func greet(w http.ResponseWriter, r *http.Request, in greeting) error {
	return reply.JSON(w, r, http.StatusOK, map[string]string{"message": "Hello, " + in.Name})
}

func main() {
	mux := http.NewServeMux()
	mux.Handle("POST /api/hello", middleware.New(middleware.Config{})(bind.Handler(greet)))
	log.Fatal(http.ListenAndServe("localhost:8080", mux))
}
