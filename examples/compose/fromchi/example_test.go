package fromchi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/compose/fromchi"
	"github.com/apiece/apiece/reply"
)

// call sends a request and prints the response.
func call(h http.Handler, method, path, body string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
}

func ExampleNotes() {
	service := fromchi.Notes(map[string]fromchi.Note{"7": {ID: "7", Text: "milk"}}, 5*time.Second)
	call(service, "GET", "/notes/7", "")
	call(service, "PUT", "/notes/7", `{"text":"bread"}`)
	call(service, "PUT", "/notes/7", `{"text":""}`)
	call(service, "GET", "/unknown", "")
	// Output:
	// 200 {"id":"7","text":"milk"}
	// 200 {"id":"7","text":"bread"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"text is required","errors":[{"path":"/text","rule":"required","message":"is required"}]}
	// 404 {"title":"Not Found","status":404}
}

// A handler of the kit on a route of chi.
func Example_handler() {
	type renaming struct {
		ID   string `path:"id"`
		Name string `json:"name" validate:"required,max=40"`
	}
	rename := func(r *http.Request, in renaming) (string, error) {
		return in.ID + " is " + in.Name, nil
	}

	r := chi.NewRouter()
	r.Method("PUT", "/users/{id}", bind.Func(rename))
	call(r, "PUT", "/users/7", `{"name":"Ada"}`)
	// Output:
	// 200 "7 is Ada"
}

// Moved routes are on the mux, all others stay with chi.
func Example_replace() {
	router := chi.NewRouter()
	router.Get("/posts/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "chi: post ", chi.URLParam(r, "id")) })
	router.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "chi: user ", chi.URLParam(r, "id")) })

	mux := http.NewServeMux()
	mux.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		reply.Send(w, r, http.StatusOK, "net/http: user "+r.PathValue("id"))
	})
	mux.Handle("/", router)
	call(mux, "GET", "/users/7", "")
	call(mux, "GET", "/posts/7", "")
	// Output:
	// 200 net/http: user 7
	// 200 chi: post 7
}
