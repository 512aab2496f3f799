package service

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A Post is one entry of the blog.
type Post struct {
	ID      int       `json:"id"`
	Title   string    `json:"title"`
	Text    string    `json:"text"`
	Tags    []string  `json:"tags"`
	Created time.Time `json:"created"`
}

// Posts stores posts, and announces each new or changed one by its Event on [Topic]:
// the store knows when a change is final.
type Posts interface {
	// List returns the latest posts, newest first.
	List(ctx context.Context) ([]Post, error)

	// Get returns a post, or false if there is none.
	Get(ctx context.Context, id int) (Post, bool, error)

	// Add gives a post its ID.
	Add(ctx context.Context, p Post) (Post, error)

	// Update calls change with a post, exclusively, and returns false if there is none.
	Update(ctx context.Context, id int, change func(*Post)) (Post, bool, error)
}

// Topic is the topic of posts in the feed.
const Topic = "posts"

// Event returns the event of a post in the feed.
func (p Post) Event() stream.Event {
	data, err := json.Marshal(p)
	if err != nil {
		panic(err) // impossible: JSON can encode every Post
	}
	return stream.Event{Name: "post", Data: string(data)}
}

// Key identifies the post in stores and among the events of its topic.
func (p Post) Key() string { return strconv.Itoa(p.ID) }

// MaxPosts limits the posts of a demo that any client may write to.
const MaxPosts = 100

// memory is the Posts of one process.
type memory struct {
	feed *hub.Hub

	mu   sync.Mutex
	next int
	all  []Post
}

func newMemory(feed *hub.Hub) *memory {
	m := &memory{feed: feed, next: 1}
	for _, p := range First() {
		m.insert(p)
	}
	return m
}

// First returns the initial posts of a blog.
func First() []Post {
	return []Post{
		{Title: "Hello", Text: "The first post.", Tags: []string{"meta"}},
		{Title: "Routes", Text: "Static before [pid] before [...slug].", Tags: []string{"next", "go"}},
	}
}

func (m *memory) insert(p Post) Post {
	m.mu.Lock()
	defer m.mu.Unlock()
	p.ID, p.Created = m.next, time.Now().UTC().Truncate(time.Second)
	m.next++
	m.all = append(m.all, p)
	if len(m.all) > MaxPosts {
		m.all = slices.Delete(m.all, 0, 1)
	}
	return p
}

func (m *memory) Add(ctx context.Context, p Post) (Post, error) {
	p = m.insert(p)
	_, err := m.feed.Publish(ctx, Topic, p.Event())
	return p, err
}

func (m *memory) Update(ctx context.Context, id int, change func(*Post)) (Post, bool, error) {
	p, ok := m.change(id, change)
	if !ok {
		return Post{}, false, nil
	}
	_, err := m.feed.Publish(ctx, Topic, p.Event())
	return p, true, err
}

func (m *memory) change(id int, change func(*Post)) (Post, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.index(id)
	if i < 0 {
		return Post{}, false
	}
	change(&m.all[i])
	return m.all[i], true
}

func (m *memory) Get(_ context.Context, id int) (Post, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.index(id)
	if i < 0 {
		return Post{}, false, nil
	}
	return m.all[i], true, nil
}

// index returns the index of the post. The caller holds mu.
func (m *memory) index(id int) int {
	return slices.IndexFunc(m.all, func(p Post) bool { return p.ID == id })
}

func (m *memory) List(context.Context) ([]Post, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	latest := slices.Clone(m.all)
	slices.Reverse(latest)
	return latest, nil
}
