package nextjs_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/shadow"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/typescript"
)

// Compares a ported route with the old server on real traffic.
func Example_compare() {
	toNext := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		fmt.Fprint(w, `{"items": [{"id": 1, "updatedAt": 1700000000}], "total": 1.0}`)
	})
	list := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, http.StatusOK, map[string]any{
			"items": []any{map[string]any{"id": 1, "updatedAt": 1800000000}}, "total": 1,
		})
	})
	routes := map[string]http.Handler{}

	compare := shadow.New(toNext, shadow.Config{IgnoreJSON: []string{"/items/*/updatedAt"}})
	routes["/api/posts"] = compare.Middleware(middleware.Methods{"GET": list})

	h, err := pattern.NewHandler(routes, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/posts", nil))
	}
	if err := compare.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Print(compare.Stats())
	// Output:
	// 3 compared, 0 differ, 0 failed, 0 skipped
	//   3 compared  0 differ  0 failed  0 skipped  /api/posts
}

// The types of all routes for the front end, in a file that a test keeps up to date.
func Example_frontEnd() {
	type Post struct {
		ID    int    `json:"id"`
		Title string `json:"title"`
	}
	type Update struct {
		ID    int    `path:"id"`
		Title string `json:"title" validate:"required,max=80"`
	}
	save := bind.Func(func(r *http.Request, in Update) (Post, error) { return Post(in), nil })
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/posts/[id]": middleware.Methods{"PUT": save},
	}, pattern.HandlerConfig{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var t todo // a *testing.T

	typescript.Check(t, "../web/lib/api.ts", routes)

	var b strings.Builder
	if err := typescript.Write(&b, routes, typescript.Config{TypesOnly: true}); err != nil {
		fmt.Println(err)
	}
	_, written, _ := strings.Cut(b.String(), "export interface Routes")
	fmt.Print("Routes", written)
	// Output:
	// typescript: ../web/lib/api.ts is not what the routes say: there is no such file; write it with: UPDATE=1 go test
	// Routes {
	//   "PUT /api/posts/[id]": {
	//     path: { id: string | number }
	//     body: { title: string }
	//     response: Post
	//   }
	// }
}
