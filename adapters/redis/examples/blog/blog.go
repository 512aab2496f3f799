package main

import (
	"fmt"
	"html/template"
	"net/http"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// postsKey is the list of the titles, the latest first.
const postsKey = "blog:posts"

// A blog is what the handlers share.
type blog struct {
	client *goredis.Client
	name   string // of this process
	feed   *hub.Hub
	pages  *cache.Cache
	mux    *http.ServeMux
}

func newBlog(client *goredis.Client, name string) *blog {
	store := redis.NewStore(client, "blog:cache:", redis.StoreConfig{})
	b := &blog{client: client, name: name, mux: http.NewServeMux()}
	b.feed = hub.New(hub.Config{
		Backplane: redis.NewBackplane(client, "blog:feed", redis.BackplaneConfig{}),
	})
	b.pages = cache.New(cache.Config{
		Policy: cache.Policy{TTL: time.Hour, StaleWhileRevalidate: 24 * time.Hour},
		Origin: b.mux,
		Store:  store, Generations: store,
	})
	return b
}

func (b *blog) routes() http.Handler {
	b.mux.Handle("GET /{$}", b.pages.Middleware(reply.HandlerFunc(b.home)))
	b.mux.Handle("POST /api/posts", bind.Func(b.createPost))
	b.mux.Handle("POST /api/revalidate", bind.Func(b.revalidate))
	b.mux.Handle("GET /api/feed", b.feed.Handler("posts"))
	return b.mux
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<title>Blog</title>
<ul>{{range .Titles}}<li>{{.}}{{end}}</ul>
<p>Rendered by {{.By}}
`))

// home renders the page, once for all processes.
func (b *blog) home(w http.ResponseWriter, r *http.Request) error {
	cache.Tag(r.Context(), "posts")
	titles, err := b.client.LRange(r.Context(), postsKey, 0, 99).Result()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Execute(w, map[string]any{"Titles": titles, "By": b.name})
}

// A newPost is what a client may send.
type newPost struct {
	Title string `json:"title" validate:"required,max=80"`
}

// A created post is answered with the id of its event.
type created struct {
	Title string `json:"title"`
	Event string `json:"event"`
}

func (created) StatusCode() int { return http.StatusCreated }

// createPost keeps the post, makes the pages that list it void, and tells the
// readers of all processes, in this order: who is told finds it.
func (b *blog) createPost(r *http.Request, in newPost) (created, error) {
	pipe := b.client.TxPipeline()
	pipe.LPush(r.Context(), postsKey, in.Title)
	pipe.LTrim(r.Context(), postsKey, 0, 99)
	if _, err := pipe.Exec(r.Context()); err != nil {
		return created{}, err
	}
	if err := b.pages.InvalidateTag(r.Context(), "posts"); err != nil {
		return created{}, err
	}
	id, err := b.feed.Publish(r.Context(), "posts", stream.Event{Name: "post", Data: in.Title})
	return created{in.Title, id}, err
}

// revalidate makes a page anew after its data was changed by somebody else, and
// answers when every process serves the new one.
func (b *blog) revalidate(r *http.Request, in struct {
	Path string `json:"path" validate:"required"`
}) (map[string]bool, error) {
	if err := b.pages.Revalidate(r.Context(), in.Path); err != nil {
		return nil, fmt.Errorf("the old page stays: %w", err)
	}
	return map[string]bool{"revalidated": true}, nil
}
