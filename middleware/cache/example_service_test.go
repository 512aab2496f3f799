package cache_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// A journal keeps its titles, and counts how often it renders them.
type journal struct {
	titles   []string
	rendered int
}

func (j *journal) home(w http.ResponseWriter, r *http.Request) {
	cache.Tag(r.Context(), "titles")
	j.rendered++
	fmt.Fprintln(w, j.titles)
}

// A page is rendered once, until it is revalidated or its tag is invalidated. Several
// caches, as in several processes, may share the store.
func ExampleCache_Revalidate() {
	j := &journal{titles: []string{"One"}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", j.home)
	pages := cache.New(cache.Config{
		Lifetime:    cache.Lifetime{TTL: time.Hour, StaleWhileRevalidate: 24 * time.Hour},
		Store:       cache.NewStore(0),
		Generations: cache.NewGenerations(0),
	})
	service := pages.Middleware(mux)
	read := func() {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Printf("%s%d rendered\n", w.Body, j.rendered)
	}

	read()
	j.titles = append(j.titles, "Two")
	read() // the old one
	if err := pages.Revalidate(context.Background(), "/"); err != nil {
		fmt.Println(err)
	}
	read()
	j.titles = append(j.titles, "Three")
	if err := pages.InvalidateTag(context.Background(), "titles"); err != nil {
		fmt.Println(err)
	}
	read()
	// Output:
	// [One]
	// 1 rendered
	// [One]
	// 1 rendered
	// [One Two]
	// 2 rendered
	// [One Two Three]
	// 3 rendered
}
