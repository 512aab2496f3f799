package authjs_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/examples/compose/authjs"
)

func Example() {
	rec := read(new(testing.T)) // cookies that Auth.js has made

	sessions := authjs.New(authjs.Config{Version: 5, Secrets: []string{rec.Secret}})
	mux := http.NewServeMux()
	mux.Handle("GET /api/me", sessions.Require("/api/auth/signin")(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		session, _ := authjs.From(r)
		fmt.Fprintf(w, "Hello, %s", session.Name)
	})))

	for _, cookies := range [][][2]string{rec.Cases[5].Cookies, nil} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, request(cookies))
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 Hello, Ada
	// 401 {"title":"Unauthorized","status":401,"detail":"Sign in first"}
}
