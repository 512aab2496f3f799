package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// A newPost is what a client may send.
type newPost struct {
	Title string   `json:"title" validate:"required,max=80"`
	Text  string   `json:"text" validate:"required,max=2000"`
	Tags  []string `json:"tags" validate:"max=5,dive,required,max=20"`
}

type post struct {
	ID      int       `json:"id"`
	Title   string    `json:"title"`
	Text    string    `json:"text"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created"`
}

// created is a post that is answered with 201.
type created struct{ post }

func (created) StatusCode() int { return http.StatusCreated }

// collection serves /api/posts, a handler for each method.
func (b *blog) collection() http.Handler {
	return middleware.Methods{
		"GET":  bind.Func(b.listPosts),
		"POST": bind.Func(b.createPost),
	}
}

func (b *blog) listPosts(*http.Request, struct{}) ([]post, error) { return b.posts.list(), nil }

// createPost is called with a post that fits: what does not was answered with
// 400 or 422, and the fields that are wrong.
func (b *blog) createPost(r *http.Request, in newPost) (created, error) {
	p := b.posts.add(in)
	if err := b.announce(r.Context(), p); err != nil {
		// The post is there all the same.
		b.log.Error("announcing a post", "id", p.ID, "error", err)
	}
	return created{p}, nil
}

// announce sends the post to whoever listens to the feed.
func (b *blog) announce(ctx context.Context, p post) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	_, err = b.feed.Publish(ctx, "posts", stream.Event{Name: "post", Data: string(data)})
	return err
}

var errNoPost = reply.NewError(http.StatusNotFound, "No such post")

// A onePost is a request for /api/post/[pid].
type onePost struct {
	ID int `path:"pid"`
}

// post serves /api/post/[pid].
func (b *blog) post(_ *http.Request, in onePost) (post, error) {
	p, ok := b.posts.get(in.ID)
	if !ok {
		return post{}, errNoPost
	}
	return p, nil
}

// announces tells the front end what the feed sends.
func announces(feed http.Handler) http.Handler {
	return stream.Types(map[string]any{"post": post{}})(feed)
}

// maxPosts bounds what a demo that anybody may write to keeps.
const maxPosts = 100

// posts is the store.
type posts struct {
	mu   sync.Mutex
	next int
	all  []post
}

func newPosts() *posts {
	s := &posts{next: 1}
	s.add(newPost{Title: "Hello", Text: "The first post.", Tags: []string{"meta"}})
	s.add(newPost{Title: "Routes", Text: "Static before [pid] before [...slug].", Tags: []string{"next", "go"}})
	return s
}

func (s *posts) add(in newPost) post {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := post{
		ID:      s.next,
		Title:   in.Title,
		Text:    in.Text,
		Tags:    append([]string{}, in.Tags...), // [] in JSON, not null
		Created: time.Now().UTC().Truncate(time.Second),
	}
	s.next++
	s.all = append(s.all, p)
	if len(s.all) > maxPosts {
		s.all = slices.Delete(s.all, 0, 1)
	}
	return p
}

func (s *posts) get(id int) (post, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(p post) bool { return p.ID == id })
	if i < 0 {
		return post{}, false
	}
	return s.all[i], true
}

// list returns the posts, the latest first.
func (s *posts) list() []post {
	s.mu.Lock()
	defer s.mu.Unlock()
	latest := slices.Clone(s.all)
	slices.Reverse(latest)
	return latest
}
