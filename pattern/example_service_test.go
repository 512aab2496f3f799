package pattern_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/pattern"
)

// answering returns a handler that responds with the route's path values and the query.
func answering(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s: %s %v", name, r.Pattern, pattern.Query(r))
	})
}

// A service with the routes of Next.js, mounted on a ServeMux.
func ExampleNewHandler() {
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/create":      answering("create"),
		"/api/post/[pid]":       answering("post"),
		"/api/docs/[[...slug]]": answering("docs"),
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", answering("health"))
	routes.Register(mux)

	for _, path := range []string{"/api/post/create", "/api/post/7?draft=1", "/api/docs/a/b", "/api/docs", "/api/post", "/healthz"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		fmt.Println(w.Code, w.Body)
	}

	post, err := pattern.Parse("/api/post/[pid]")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(post.Build(map[string][]string{"pid": {"a/b"}}))
	// Output:
	// 200 create: /api/post/create map[]
	// 200 post: /api/post/[pid] map[draft:[1] pid:[7]]
	// 200 docs: /api/docs/[[...slug]] map[slug:[a b]]
	// 200 docs: /api/docs/[[...slug]] map[]
	// 404 {"title":"Not Found","status":404}
	// 200 health: GET /healthz map[]
	// /api/post/a%2Fb <nil>
}
