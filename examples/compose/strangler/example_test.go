package strangler_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/examples/compose/strangler"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
)

func Example() {
	next := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "Next.js answers ", r.Method, " ", r.URL)
	}))
	defer next.Close()

	old, err := strangler.Old(strangler.Config{Base: next.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	list := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, http.StatusOK, "Go answers")
	})
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts": strangler.Partly(middleware.Methods{"GET": list}, old),
	}, pattern.HandlerConfig{NotFound: old, TrailingSlash: pattern.RedirectToBare})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(routes)
	defer server.Close()

	call := func(method, path string) {
		r, _ := http.NewRequest(method, server.URL+path, nil)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		fmt.Printf("%s %s: %s\n", method, path, body)
	}
	call("GET", "/api/posts")
	call("POST", "/api/posts")
	call("GET", "/about?lang=en")
	// Output:
	// GET /api/posts: Go answers
	// POST /api/posts: Next.js answers POST /api/posts
	// GET /about?lang=en: Next.js answers GET /about?lang=en
}
