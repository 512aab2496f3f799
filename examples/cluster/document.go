package main

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/apiece/apiece/examples/blog/service"
	"github.com/apiece/apiece/stream/hub"
)

// A document is one value that processes share, replaced only by compare-and-swap.
type document interface {
	// load returns the text and its version; the text is empty if there is none yet.
	load(ctx context.Context) (text []byte, version uint64, err error)

	// swap replaces the version, and returns false if it was replaced meanwhile.
	swap(ctx context.Context, version uint64, text []byte) (bool, error)
}

// posts is the service.Posts of a document, with room for a hundred posts. A process
// that crashes between the two steps leaves a post that was not announced; PostgreSQL
// does both in one transaction.
type posts struct {
	document
	feed *hub.Hub
}

func (s posts) read(ctx context.Context) (all []service.Post, version uint64, err error) {
	text, version, err := s.load(ctx)
	if err != nil {
		return nil, 0, err
	}
	if text == nil {
		for _, p := range service.First() {
			all = add(all, &p)
		}
		return all, version, nil
	}
	return all, version, json.Unmarshal(text, &all)
}

// add gives a post the next id.
func add(all []service.Post, p *service.Post) []service.Post {
	p.ID, p.Created = 1, time.Now().UTC().Truncate(time.Second)
	if len(all) > 0 {
		p.ID = all[len(all)-1].ID + 1
	}
	all = append(all, *p)
	return all[max(0, len(all)-service.MaxPosts):]
}

// write changes the document, retries if another process was faster, and announces
// the post that change returns, if any.
func (s posts) write(ctx context.Context, change func([]service.Post) ([]service.Post, *service.Post)) (*service.Post, error) {
	for {
		all, version, err := s.read(ctx)
		if err != nil {
			return nil, err
		}
		all, p := change(all)
		if p == nil {
			return nil, nil
		}
		text, err := json.Marshal(all)
		if err != nil {
			return nil, err
		}
		if ok, err := s.swap(ctx, version, text); err != nil {
			return nil, err
		} else if ok {
			_, err := s.feed.Publish(ctx, service.Topic, p.Event())
			return p, err
		}
	}
}

func (s posts) Add(ctx context.Context, p service.Post) (service.Post, error) {
	_, err := s.write(ctx, func(all []service.Post) ([]service.Post, *service.Post) {
		return add(all, &p), &p
	})
	return p, err
}

func (s posts) Update(ctx context.Context, id int, change func(*service.Post)) (service.Post, bool, error) {
	p, err := s.write(ctx, func(all []service.Post) ([]service.Post, *service.Post) {
		i := index(all, id)
		if i < 0 {
			return nil, nil
		}
		change(&all[i])
		return all, &all[i]
	})
	if p == nil {
		return service.Post{}, false, err
	}
	return *p, true, err
}

func (s posts) Get(ctx context.Context, id int) (service.Post, bool, error) {
	all, _, err := s.read(ctx)
	if i := index(all, id); i >= 0 && err == nil {
		return all[i], true, nil
	}
	return service.Post{}, false, err
}

func index(all []service.Post, id int) int {
	return slices.IndexFunc(all, func(p service.Post) bool { return p.ID == id })
}

func (s posts) List(ctx context.Context) ([]service.Post, error) {
	all, _, err := s.read(ctx)
	slices.Reverse(all)
	return all, err
}
