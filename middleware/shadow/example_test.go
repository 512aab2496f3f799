package shadow_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/middleware/shadow"
)

// old is the old server, usually an httputil.ReverseProxy.
func old(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id": %q, "likes": 3, "servedAt": 1700000000}`, r.URL.Path[len("/api/post/"):])
}

// ported is the handler that replaces it.
func ported(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":%q,"likes":%d,"servedAt":1800000000}`, r.PathValue("pid"), len(r.PathValue("pid")))
}

func ExampleNew() {
	compare := shadow.New(http.HandlerFunc(old), shadow.Config{
		IgnoreJSON: []string{"/servedAt"},
		Report: func(d shadow.Difference) {
			for _, v := range d.Values {
				fmt.Println(d.Method, d.URL, v)
			}
		},
	})
	mux := http.NewServeMux()
	mux.Handle("GET /api/post/{pid}", compare.Middleware(http.HandlerFunc(ported)))

	for _, path := range []string{"/api/post/abc", "/api/post/abcd"} {
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", path, nil))
	}
	if err := compare.Shutdown(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Print(compare.Stats())
	// Output:
	// GET /api/post/abcd json /likes: 4, shadow: 3
	// 2 compared, 1 differ, 0 failed, 0 skipped
	//   2 compared  1 differ  0 failed  0 skipped  GET /api/post/{pid}
}
