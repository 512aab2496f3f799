package errorshape_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/examples/compose/errorshape"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

func Example() {
	type user struct {
		Email string `json:"email" validate:"required,email"`
	}
	create := func(w http.ResponseWriter, r *http.Request, u user) error {
		if u.Email == "ada@example.com" {
			return reply.NewError(http.StatusConflict, "The address is taken")
		}
		return reply.JSON(w, r, http.StatusCreated, u)
	}
	chain := middleware.Chain(middleware.Config{
		BodyParser: bodyparser.Config{Limit: 100},
		OnError:    errorshape.OnError,
	})
	mux := http.NewServeMux()
	mux.Handle("/api/users", chain.Then(middleware.Methods{"POST": bind.Handler(create)}))

	send := func(method, body string) {
		r := httptest.NewRequest(method, "/api/users", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	send("POST", `{"email":"me@example.com"}`)
	send("POST", `{"email":"ada@example.com"}`)
	send("POST", `{"email":"nowhere"}`)
	send("POST", `{"email":`)
	send("PUT", `{}`)
	// Output:
	// 201 {"email":"me@example.com"}
	// 409 {"error":"The address is taken"}
	// 422 {"error":"email must be an email address"}
	// 400 {"error":"Invalid JSON"}
	// 405 {"error":"The methods of this resource are OPTIONS, POST"}
}
