package database_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/apiece/apiece/examples/compose/database"
	"github.com/apiece/apiece/middleware"
)

func Example() {
	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()
	db.SetMaxOpenConns(1) // each connection to :memory: is a database of its own
	if _, err := db.Exec(schema); err != nil {
		fmt.Println(err)
		return
	}

	api := database.API{DB: db}
	chain := middleware.Chain(middleware.Config{MaxDuration: 5 * time.Second})
	mux := http.NewServeMux()
	mux.Handle("/api/users", chain.Then(api.Users()))
	mux.Handle("/api/users/{id}", chain.Then(api.User()))

	call := func(method, path, body string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, send(method, path, body))
		fmt.Println(method, path, "->", w.Code, w.Body)
	}
	call("GET", "/api/users", "")
	call("POST", "/api/users", `{"name":"Ada","email":"ada@example.com"}`)
	call("POST", "/api/users", `{"name":"Eve","email":"ada@example.com"}`)
	call("GET", "/api/users/1", "")
	call("GET", "/api/users/2", "")
	// Output:
	// GET /api/users -> 200 []
	// POST /api/users -> 201 {"id":1,"name":"Ada","email":"ada@example.com"}
	// POST /api/users -> 409 {"title":"Conflict","status":409,"detail":"This email address is taken"}
	// GET /api/users/1 -> 200 {"id":1,"name":"Ada","email":"ada@example.com"}
	// GET /api/users/2 -> 404 {"title":"Not Found","status":404,"detail":"No such user"}
}
