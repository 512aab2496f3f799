package cache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// A page is rendered once, cached, and rendered again after an edit.
func Example() {
	mux := http.NewServeMux()
	pages := cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: time.Hour, StaleWhileRevalidate: 24 * time.Hour},
		Origin:   mux,
	})

	text := "Hello"
	mux.Handle("GET /blog/{id}", pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "post:"+r.PathValue("id"))
		fmt.Fprintf(w, "<h1>%s</h1>", text)
	})))
	mux.HandleFunc("POST /api/edit", func(w http.ResponseWriter, r *http.Request) {
		text = "Hello again"
		if err := pages.Revalidate(r.Context(), "/blog/1"); err != nil {
			http.Error(w, "the old page stays", http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, "edited")
	})

	send := func(method, path string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		status, _, _ := strings.Cut(w.Header().Get("Cache-Status"), "; ttl=") // the seconds that are left
		fmt.Println(method, path, w.Code, status, w.Body)
	}
	send("GET", "/blog/1")
	send("GET", "/blog/1")
	send("POST", "/api/edit")
	send("GET", "/blog/1")
	// Output:
	// GET /blog/1 200 apiece; fwd=miss; stored <h1>Hello</h1>
	// GET /blog/1 200 apiece; hit <h1>Hello</h1>
	// POST /api/edit 200  edited
	// GET /blog/1 200 apiece; hit <h1>Hello again</h1>
}

// One tag may stand for many pages. They are rendered again on the next request.
func ExampleCache_InvalidateTag() {
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}})
	price := 10
	h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "prices")
		fmt.Fprint(w, r.URL.Path, " costs ", price)
	}))
	show := func() {
		for _, path := range []string{"/tea", "/coffee"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			fmt.Println(w.Body)
		}
	}
	show()
	price = 12
	show()
	if err := pages.InvalidateTag(context.Background(), "prices"); err != nil {
		fmt.Println(err)
	}
	show()
	// Output:
	// /tea costs 10
	// /coffee costs 10
	// /tea costs 10
	// /coffee costs 10
	// /tea costs 12
	// /coffee costs 12
}

// A browser and the cache may keep a response for different times.
func ExampleSetLifetime() {
	pages := cache.New(cache.Config{})
	runs := 0
	h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		runs++
		cache.SetLifetime(r.Context(), cache.Lifetime{TTL: time.Hour, Public: true})
		w.Header().Set("Cache-Control", "max-age=0, must-revalidate")
		fmt.Fprint(w, "run ", runs)
	}))
	for range 2 {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.AddCookie(&http.Cookie{Name: "theme", Value: "dark"})
		h.ServeHTTP(w, r)
		fmt.Println(w.Body, "-", w.Header().Get("Cache-Control"))
	}
	// Output:
	// run 1 - max-age=0, must-revalidate
	// run 1 - max-age=0, must-revalidate
}

// GraphQL queries come by POST. Two equal queries share a response, however their JSON is
// written; a mutation bypasses the cache.
func ExampleGraphQL() {
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}, Post: cache.GraphQL})
	h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"data":{}}`)
	}))
	for _, body := range []string{
		`{"query":"{ posts { title } }","variables":{}}`,
		`{"variables": {}, "query": "{ posts { title } }"}`,
		`{"query":"mutation { like(post: 1) }"}`,
	} {
		r := httptest.NewRequest("POST", "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		status, _, _ := strings.Cut(w.Header().Get("Cache-Status"), "; ttl=")
		fmt.Println(status)
	}
	// Output:
	// apiece; fwd=miss; stored
	// apiece; hit
	// apiece; fwd=method
}

// This endpoint takes every JSON body as a query.
func ExampleJSON() {
	r := httptest.NewRequest("POST", "/search", nil)
	r.Header.Set("Content-Type", "application/json")
	canonical, ok := cache.JSON(r, []byte(`{ "page": 1, "for": ["tea"] }`))
	fmt.Println(string(canonical), ok)
	// Output: {"for":["tea"],"page":1} true
}

// What a store outside of the process keeps.
func ExampleEntry_MarshalBinary() {
	e := &cache.Entry{Key: "key", Status: 200, Body: []byte("page")}
	encoded, err := e.MarshalBinary()
	if err != nil {
		panic(err)
	}
	var read cache.Entry
	fmt.Println(read.UnmarshalBinary(encoded), read.Status, string(read.Body))
	fmt.Println(read.UnmarshalBinary(encoded[:10]))
	// Output:
	// <nil> 200 page
	// cache: an encoded Entry is not complete or not valid
}

// The counts that a metrics collector exports.
func ExampleCache_Stats() {
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}})
	h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page") }))
	for range 3 {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}
	s := pages.Stats()
	fmt.Println(s.Misses, "miss,", s.Hits, "hits,", s.Fills, "run")
	// Output: 1 miss, 2 hits, 1 run
}
