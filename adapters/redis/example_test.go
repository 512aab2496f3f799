package redis_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/alicebob/miniredis/v2"
	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// An event published in one process is sent to a client of another.
func ExampleNewBackplane() {
	server, err := miniredis.Run() // in place of a Redis
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	defer client.Close()
	newHub := func() *hub.Hub {
		return hub.New(hub.Config{
			Backplane: redis.NewBackplane(client, "blog:events", redis.BackplaneConfig{}),
		})
	}
	here, there := newHub(), newHub()
	defer here.Shutdown(context.Background())
	defer there.Shutdown(context.Background())

	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = there.Serve(w, r, hub.Subscription{Topics: []string{"posts"}})
	}))
	defer site.Close()
	resp, err := http.Get(site.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()

	if _, err := here.Publish(context.Background(), "posts", stream.Event{Data: "Hello"}); err != nil {
		fmt.Println(err)
	}
	for e, err := range stream.NewReader(resp.Body).All() {
		fmt.Println(e.Data, err)
		break
	}
	// Output: Hello <nil>
}

// A page that is rendered in one process is served by another, until either invalidates
// it.
func ExampleNewStore() {
	server, err := miniredis.Run() // in place of a Redis
	if err != nil {
		fmt.Println(err)
		return
	}
	defer server.Close()
	client := goredis.NewClient(&goredis.Options{Addr: server.Addr()})
	defer client.Close()

	newSite := func(name string) (*cache.Cache, http.Handler) {
		store := redis.NewStore(client, "blog:cache:", redis.StoreConfig{})
		pages := cache.New(cache.Config{
			Lifetime: cache.Lifetime{TTL: time.Hour},
			Store:    store, Generations: store, Locker: store,
		})
		return pages, pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			cache.Tag(r.Context(), "posts")
			fmt.Fprint(w, "rendered by ", name)
		}))
	}
	_, one := newSite("one")
	pages, two := newSite("two")
	show := func(h http.Handler) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		fmt.Println(w.Body)
	}
	show(one)
	show(two)
	if err := pages.InvalidateTag(context.Background(), "posts"); err != nil {
		fmt.Println(err)
	}
	show(two)
	show(one)
	// Output:
	// rendered by one
	// rendered by one
	// rendered by two
	// rendered by two
}
