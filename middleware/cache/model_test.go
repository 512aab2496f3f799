package cache_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sort"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// The model has a few actors do one thing each: read a page, change and invalidate it,
// write to it, revalidate it, take the store down. Every operation on the store and the
// generations, the beginning of every actor and the middle of every run of the handler is
// a step, and one actor goes at a time. The test plays all orders of the steps with up to
// the given number of switches away from an actor that could go on.
//
// In each of them:
//
//	a request after an invalidation was complete gets what was true then, or newer
//	every request gets a response
//	as long as nothing is invalidated and the store works, the handler runs once
//	afterwards no flight is left, and the next request is served within a run
var switches = flag.Int("switches", 1, "how often the model may switch away from an actor that could go on")

// A play is one order of the steps.
type play struct {
	mu      sync.Mutex
	waiting map[string]chan struct{} // by the name of the actor
	last    string

	choices []int // the chosen actor at each step, among those that could go
	options []int // how many there were
	free    []bool
	at      int
}

type actorKey struct{}

// step lets the scheduler decide when the actor continues.
func (p *play) step(ctx context.Context) {
	name, _ := ctx.Value(actorKey{}).(string)
	if name == "" {
		name = "the cache"
	}
	gate := make(chan struct{})
	p.mu.Lock()
	for p.waiting[name] != nil {
		name += "'"
	}
	p.waiting[name] = gate
	p.mu.Unlock()
	<-gate
}

// run lets the actors run, one step at a time, until none is left.
func (p *play) run() {
	for {
		synctest.Wait()
		p.mu.Lock()
		names := make([]string, 0, len(p.waiting))
		for name := range p.waiting {
			names = append(names, name)
		}
		if len(names) == 0 {
			p.mu.Unlock()
			return
		}
		sort.Strings(names)
		goesOn := slices.Index(names, p.last)
		if goesOn > 0 {
			names[0], names[goesOn] = names[goesOn], names[0]
		}
		choice := 0
		if p.at < len(p.choices) {
			choice = p.choices[p.at]
		} else {
			p.choices = append(p.choices, 0)
		}
		p.options = append(p.options, len(names))
		p.free = append(p.free, goesOn < 0)
		p.at++
		p.last = names[choice]
		gate := p.waiting[p.last]
		delete(p.waiting, p.last)
		p.mu.Unlock()
		close(gate)
	}
}

// next returns the choices of the play after p, nil if it was the last.
func (p *play) next(most int) []int {
	for i := len(p.choices) - 1; i >= 0; i-- {
		used := 0
		for j := range i {
			if p.choices[j] > 0 && !p.free[j] {
				used++
			}
		}
		if p.choices[i]+1 < p.options[i] && (p.free[i] || used < most) {
			return append(slices.Clone(p.choices[:i]), p.choices[i]+1)
		}
	}
	return nil
}

// A stage is the state of a play.
type stage struct {
	*play
	pages *cache.Cache
	site  http.Handler

	mu    sync.Mutex
	data  int  // what the page shows
	floor int  // the least that clients must see
	down  bool // the store is down
	runs  int
	wrong []string
}

var errStage = errors.New("down")

func (s *stage) fails(ctx context.Context) error {
	s.step(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down {
		return errStage
	}
	return nil
}

// stepped are a store and generations whose operations are steps.
type stepped struct {
	s *stage
	cache.Store
	cache.Generations
}

func (d *stepped) Get(ctx context.Context, key string) (*cache.Entry, error) {
	if err := d.s.fails(ctx); err != nil {
		return nil, err
	}
	return d.Store.Get(ctx, key)
}

func (d *stepped) Set(ctx context.Context, e *cache.Entry) error {
	if err := d.s.fails(ctx); err != nil {
		return err
	}
	return d.Store.Set(ctx, e)
}

func (d *stepped) Next(ctx context.Context) (uint64, error) {
	if err := d.s.fails(ctx); err != nil {
		return 0, err
	}
	return d.Generations.Next(ctx)
}

func (d *stepped) Raise(ctx context.Context, n uint64, tags ...string) error {
	if err := d.s.fails(ctx); err != nil {
		return err
	}
	return d.Generations.Raise(ctx, n, tags...)
}

func (d *stepped) Latest(ctx context.Context, tags ...string) (uint64, error) {
	if err := d.s.fails(ctx); err != nil {
		return 0, err
	}
	return d.Generations.Latest(ctx, tags...)
}

// ServeHTTP is the page: GET shows the number, POST raises it.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		s.mu.Lock()
		s.data++
		s.mu.Unlock()
		s.step(r.Context())
		return
	}
	cache.Tag(r.Context(), "page")
	s.mu.Lock()
	s.runs++
	n := s.data
	s.mu.Unlock()
	s.step(r.Context())
	fmt.Fprint(w, n)
}

func (s *stage) send(ctx context.Context, method string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.site.ServeHTTP(w, httptest.NewRequest(method, "/page", nil).WithContext(ctx))
	return w
}

// raise notes that later clients must see n.
func (s *stage) raise(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor = max(s.floor, n)
}

func (s *stage) change() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data++
	return s.data
}

// actors by their name in a scene.
var actors = map[string]func(s *stage, ctx context.Context){
	"read": func(s *stage, ctx context.Context) {
		s.mu.Lock()
		floor := s.floor
		s.mu.Unlock()
		w := s.send(ctx, http.MethodGet)
		n, err := strconv.Atoi(w.Body.String())
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil || n < floor {
			s.wrong = append(s.wrong, fmt.Sprintf("a reader was shown %d %q (%s) after %d was complete", w.Code, w.Body, w.Header().Get("Cache-Status"), floor))
		}
	},
	"invalidate": func(s *stage, ctx context.Context) {
		n := s.change()
		if s.pages.InvalidateTag(ctx, "page") == nil {
			s.raise(n)
		}
	},
	"revalidate": func(s *stage, ctx context.Context) {
		n := s.change()
		if s.pages.Revalidate(ctx, "/page") == nil {
			s.raise(n)
		}
	},
	"write": func(s *stage, ctx context.Context) {
		s.send(ctx, http.MethodPost)
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.down {
			s.floor = max(s.floor, 1)
		}
	},
	"fail": func(s *stage, ctx context.Context) {
		s.mu.Lock()
		s.down = true
		s.mu.Unlock()
	},
}

// TestCacheModel plays the scenes.
func TestCacheModel(t *testing.T) {
	for _, scene := range []struct {
		stale  bool // the page is stored, and stale
		actors []string
		runs   int // at most
	}{
		{false, []string{"read", "read"}, 1},
		{false, []string{"read", "read", "read"}, 1},
		{false, []string{"read", "invalidate", "read"}, 3},
		{false, []string{"read", "write", "read"}, 3},
		{false, []string{"read", "revalidate", "read"}, 5},
		{false, []string{"read", "fail", "read"}, 2},
		{true, []string{"read", "read"}, 1},
		{true, []string{"read", "invalidate", "read"}, 3},
		{true, []string{"read", "fail", "read"}, 2},
	} {
		most := *switches
		if len(scene.actors) > 2 && slices.Contains(scene.actors, "revalidate") {
			most = min(most, 1)
		}
		plays := 0
		for choices := []int{}; choices != nil; plays++ {
			p := &play{waiting: make(map[string]chan struct{}), choices: choices}
			synctest.Test(t, func(t *testing.T) {
				s := perform(p, scene.stale, scene.actors)
				if s.runs > scene.runs {
					s.wrong = append(s.wrong, fmt.Sprintf("%d runs, want %d at most", s.runs, scene.runs))
				}
				for _, what := range s.wrong {
					t.Errorf("%v, stale %t, order %v: %s", scene.actors, scene.stale, p.choices, what)
				}
			})
			if t.Failed() {
				return
			}
			choices = p.next(most)
		}
		t.Logf("%v, stale %t: %d orders", scene.actors, scene.stale, plays)
	}
}

func perform(p *play, isStale bool, names []string) *stage {
	s := &stage{play: p}
	mux := http.NewServeMux()
	mux.Handle("/page", s)
	world := &stepped{s, cache.NewStore(0), cache.NewGenerations(0)}
	s.pages = cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: 10 * time.Second, StaleWhileRevalidate: time.Hour},
		Store:    world, Generations: world, StoreTimeout: -1, Origin: mux, Logger: slog.New(slog.DiscardHandler),
	})
	s.site = s.pages.Middleware(mux)
	if isStale {
		before := &play{waiting: make(map[string]chan struct{})}
		s.play = before
		go s.send(context.Background(), http.MethodGet)
		before.run()
		time.Sleep(time.Minute)
		s.play, s.runs = p, 0
	}
	var all sync.WaitGroup
	for i, name := range names {
		ctx := context.WithValue(context.Background(), actorKey{}, fmt.Sprint(name, " ", i))
		all.Go(func() {
			s.step(ctx)
			actors[name](s, ctx)
		})
	}
	p.run()
	all.Wait()
	runs := s.runs
	s.down = false
	after := &play{waiting: make(map[string]chan struct{})}
	s.play = after
	all.Go(func() {
		if w := s.send(context.Background(), http.MethodGet); w.Code != http.StatusOK {
			s.wrong = append(s.wrong, fmt.Sprintf("afterwards a reader gets %d", w.Code))
		}
	})
	after.run()
	all.Wait()
	if s.runs > runs+1 {
		s.wrong = append(s.wrong, "afterwards a reader costs more than one run")
	}
	if n := s.pages.Stats().Waiting; n != 0 {
		s.wrong = append(s.wrong, fmt.Sprint("afterwards ", n, " wait"))
	}
	s.runs = runs
	if err := s.pages.Shutdown(context.Background()); err != nil {
		s.wrong = append(s.wrong, err.Error())
	}
	return s
}

// TestCacheModelFindsFaults: the model detects a store that serves invalidated responses.
func TestCacheModelFindsFaults(t *testing.T) {
	found := false
	for choices := []int{}; choices != nil && !found; {
		p := &play{waiting: make(map[string]chan struct{}), choices: choices}
		synctest.Test(t, func(*testing.T) {
			s := &stage{play: p}
			world := &stepped{s, cache.NewStore(0), cache.NewGenerations(0)}
			forgetful := struct {
				cache.Store
				cache.Generations
			}{world, deaf{world}}
			s.pages = cache.New(cache.Config{
				Lifetime: cache.Lifetime{TTL: time.Hour}, Store: forgetful, Generations: forgetful, StoreTimeout: -1,
				Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
			})
			s.site = s.pages.Middleware(s)
			var all sync.WaitGroup
			for i, name := range []string{"read", "invalidate", "read"} {
				ctx := context.WithValue(context.Background(), actorKey{}, fmt.Sprint(name, " ", i))
				all.Go(func() {
					s.step(ctx)
					actors[name](s, ctx)
				})
			}
			p.run()
			all.Wait()
			found = len(s.wrong) > 0
		})
		choices = p.next(1)
	}
	if !found {
		t.Error("generations that forget what was raised pass the model")
	}
}

// deaf generations raise nothing.
type deaf struct{ cache.Generations }

func (deaf) Raise(context.Context, uint64, ...string) error { return nil }
