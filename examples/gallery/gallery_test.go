// Package gallery has a short example of each piece, as shown in the README.
package gallery_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// call sends one request and prints the status and the body of the response.
func call(h http.Handler, method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if strings.HasPrefix(body, "{") {
		r.Header.Set("Content-Type", "application/json")
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	fmt.Println(w.Code, strings.TrimSpace(w.Body.String()))
	return w
}

// A body limit: existing handlers go on reading r.Body.
func Example_bodyLimit() {
	existing := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintln(w, len(body), "bytes")
	})

	limited := bodyparser.New(bodyparser.Config{Limit: 100 * bytesize.KB})(existing)

	call(limited, "POST", "/", "short")
	call(limited, "POST", "/", strings.Repeat("x", 100<<10+1))
	// Output:
	// 200 5 bytes
	// 413 {"title":"Request Entity Too Large","status":413,"detail":"Body exceeded 100kb limit"}
}

// A timeout that answers, while the handler is still at work.
func Example_timeout() {
	report := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(150 * time.Millisecond) // and does not look at its context
		fmt.Fprintln(w, "too late")
	})

	timed := middleware.Timeout(50 * time.Millisecond)(report)

	call(timed, "GET", "/", "")
	// Output:
	// 504 {"title":"Gateway Timeout","status":504}
}

type update struct {
	ID    int    `path:"id"`
	Draft bool   `query:"draft"`
	Title string `json:"title" validate:"required,max=80"`
}

// A typed handler: path, query and body in one struct, checked before it is called.
func Example_typed() {
	mux := http.NewServeMux()
	mux.Handle("PUT /posts/{id}", bind.Func(func(r *http.Request, in update) (update, error) {
		return in, nil
	}))

	call(mux, "PUT", "/posts/7?draft=true", `{"title":"Hello"}`)
	call(mux, "PUT", "/posts/7", `{"title":""}`)
	// Output:
	// 200 {"ID":7,"Draft":true,"title":"Hello"}
	// 422 {"title":"Unprocessable Entity","status":422,"detail":"title is required","errors":[{"path":"/title","rule":"required","message":"is required"}]}
}

// Server-sent events to every subscriber of a topic. Clients that come back get
// what they missed.
func Example_hub() {
	mux, ctx := http.NewServeMux(), context.Background()
	server := httptest.NewServer(mux)
	defer server.Close()

	feed := hub.New(hub.Config{})
	mux.Handle("GET /feed", feed.Handler("news"))
	id, err := feed.Publish(ctx, "news", stream.Event{Name: "post", Data: "Hello"})

	fmt.Println(strings.HasSuffix(id, "-1"), err)

	// A client that comes back, and had received what was before the first event.
	request, _ := http.NewRequestWithContext(ctx, "GET", server.URL+"/feed", nil)
	request.Header.Set("Last-Event-ID", strings.TrimSuffix(id, "1")+"0")
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	for e, err := range stream.NewReader(resp.Body).All() {
		fmt.Println(e.Name, e.Data, err)
		break
	}
	// Output:
	// true <nil>
	// post Hello <nil>
}

// A response cache for pages, with revalidation on demand.
func Example_cache() {
	ctx, rendered := context.Background(), 0
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rendered++
		cache.Tag(r.Context(), "posts")
		fmt.Fprintf(w, "%s, rendered %d times", html.EscapeString(r.URL.Path), rendered)
	})

	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}})
	cached := pages.Middleware(page) // which calls cache.Tag(r.Context(), "posts")
	invalidate := func() error { return pages.InvalidateTag(ctx, "posts") }

	call(cached, "GET", "/blog/1", "")
	w := call(cached, "GET", "/blog/1", "")
	fmt.Println(strings.HasPrefix(w.Header().Get("Cache-Status"), "apiece; hit"), invalidate())
	call(cached, "GET", "/blog/1", "")
	// Output:
	// 200 /blog/1, rendered 1 times
	// 200 /blog/1, rendered 1 times
	// true <nil>
	// 200 /blog/1, rendered 2 times
}

// Routes of Next.js, with its precedence, on the ServeMux.
func Example_routes() {
	name := func(name string) http.Handler {
		return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, http.StatusOK, fmt.Sprint(name, " ", pattern.Query(r)))
		})
	}
	mux := http.NewServeMux()

	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/api/post/create":      name("create"),
		"/api/post/[pid]":       name("post"),
		"/api/docs/[[...slug]]": name("docs"),
	}, pattern.HandlerConfig{})
	routes.Register(mux)

	fmt.Println(err)
	call(mux, "GET", "/api/post/create", "")
	call(mux, "GET", "/api/post/1?lang=en", "")
	call(mux, "GET", "/api/docs/a/b", "")
	// Output:
	// <nil>
	// 200 create map[]
	// 200 post map[lang:[en] pid:[1]]
	// 200 docs map[slug:[a b]]
}
