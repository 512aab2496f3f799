package cachetest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
)

// The rules are those that the package comment lists, in that order.
func TestRulesAreThoseOfTheDoc(t *testing.T) {
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for i, m := range regexp.MustCompile(`(?m)^//  (\d+)\. ([a-z ]+): `).FindAllStringSubmatch(string(doc), -1) {
		if m[1] != fmt.Sprint(i+1) {
			t.Errorf("rule %d has the number %s", i+1, m[1])
		}
		listed = append(listed, m[2])
	}
	if rules := cachetest.Rules(); !slices.Equal(rules, listed) {
		t.Errorf("the rules are\n%q, the package comment lists\n%q", rules, listed)
	}
}

// A site stands for an adapter's server: stores in memory, connections that can be
// killed, and a server that can be paused. The faults are those of wrong adapters.
type site struct {
	repeats bool // Next returns the last number again if its connection was killed
	eager   bool // Raise does nothing after the first kill, without an error
	deaf    bool // ignores the pause

	mu    sync.Mutex
	data  map[string]*data
	kills atomic.Int64
	conns atomic.Int64
	gate  chan struct{} // closed unless the server is paused
}

type data struct {
	store cache.Store
	gens  cache.Generations
	locks sync.Map
}

func newSite() *site {
	s := &site{data: make(map[string]*data), gate: make(chan struct{})}
	close(s.gate)
	return s
}

func (s *site) open(name string) *data {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.data[name] == nil {
		s.data[name] = &data{store: cache.NewStore(0), gens: cache.NewGenerations(0)}
	}
	return s.data[name]
}

func (s *site) suite() cachetest.Suite {
	return cachetest.Suite{
		Open: func(_ testing.TB, name string) (cache.Store, cache.Generations) {
			s.conns.Add(1)
			c := &conn{site: s, data: s.open(name)}
			c.kills.Store(s.kills.Load())
			return c, c
		},
		Wipe: func(_ testing.TB, name string) {
			d := s.open(name)
			d.store, d.gens = cache.NewStore(0), cache.NewGenerations(0)
		},
		Kill: func(testing.TB, string) int { s.kills.Add(1); return int(s.conns.Load()) },
		Pause: func(testing.TB, string) (resume func()) {
			s.mu.Lock()
			defer s.mu.Unlock()
			gate := make(chan struct{})
			s.gate = gate
			return sync.OnceFunc(func() { close(gate) })
		},
		Restart: func(testing.TB, string) { s.kills.Add(1) },
	}
}

// A conn is a connection to a store of a site.
type conn struct {
	*data
	site  *site
	kills atomic.Int64 // kills it has seen
	last  atomic.Uint64
}

var errKilled = errors.New("the connection was killed")

// ready waits while the server is paused. It returns an error once after each
// kill.
func (c *conn) ready(ctx context.Context) error {
	c.site.mu.Lock()
	gate := c.site.gate
	c.site.mu.Unlock()
	if !c.site.deaf {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if kills := c.site.kills.Load(); c.kills.Swap(kills) != kills {
		return errKilled
	}
	return nil
}

func (c *conn) Get(ctx context.Context, key string) (*cache.Entry, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	return c.store.Get(ctx, key)
}

func (c *conn) Set(ctx context.Context, e *cache.Entry) error {
	return unless(c.ready(ctx), func() error { return c.store.Set(ctx, e) })
}

func (c *conn) Next(ctx context.Context) (uint64, error) {
	err := c.ready(ctx)
	if err == errKilled && c.site.repeats && c.last.Load() > 0 {
		return c.last.Load(), nil
	}
	if err != nil {
		return 0, err
	}
	n, err := c.gens.Next(ctx)
	c.last.Store(n)
	return n, err
}

func (c *conn) Raise(ctx context.Context, n uint64, tags ...string) error {
	err := c.ready(ctx)
	if c.site.eager && c.kills.Load() > 0 {
		return nil
	}
	return unless(err, func() error { return c.gens.Raise(ctx, n, tags...) })
}

func (c *conn) Latest(ctx context.Context, tags ...string) (uint64, error) {
	if err := c.ready(ctx); err != nil {
		return 0, err
	}
	return c.gens.Latest(ctx, tags...)
}

func (c *conn) Note(ctx context.Context, tag string, until time.Time) error {
	return unless(c.ready(ctx), func() error { return c.gens.Note(ctx, tag, until) })
}

func (c *conn) Noted(ctx context.Context, tag string) (bool, error) {
	if err := c.ready(ctx); err != nil {
		return false, err
	}
	return c.gens.Noted(ctx, tag)
}

// Lock implements cache.Locker.
func (c *conn) Lock(ctx context.Context, key string) (func(), error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	mine := make(chan struct{})
	held, taken := c.locks.LoadOrStore(key, mine)
	if !taken {
		return sync.OnceFunc(func() { c.locks.Delete(key); close(mine) }), nil
	}
	select {
	case <-held.(chan struct{}):
		return nil, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// unless runs do if there is no error.
func unless(err error, do func() error) error {
	if err != nil {
		return err
	}
	return do()
}

func TestSuiteInMemory(t *testing.T) {
	suite := newSite().suite()
	suite.Operations = 20_000
	suite.Run(t)
}

// A record is a test that records its failures, and ends at Fatalf.
type record struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *record) Error(args ...any) { r.Errorf("%s", fmt.Sprint(args...)) }

func (r *record) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *record) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

func (r *record) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}

// These adapters have one fault each, which the suite must find.
func TestSuiteFindsFaults(t *testing.T) {
	for name, tt := range map[string]struct {
		site *site
		run  func(cachetest.Suite, testing.TB)
	}{
		"a number is given out twice":           {&site{repeats: true}, cachetest.Suite.Killed},
		"a change is lost":                      {&site{eager: true}, cachetest.Suite.Killed},
		"the server is not paused":              {&site{deaf: true}, cachetest.Suite.Paused},
		"a number is given out after a restart": {&site{repeats: true}, cachetest.Suite.Restarted},
		"nothing is killed":                     {&site{}, func(s cachetest.Suite, t testing.TB) { s.Kill = func(testing.TB, string) int { return 0 }; s.Killed(t) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite()
			s.repeats, s.eager, s.deaf = tt.site.repeats, tt.site.eager, tt.site.deaf
			suite := s.suite()
			suite.Operations = 40_000
			r := &record{TB: t}
			ended := make(chan bool)
			go func() {
				defer close(ended)
				tt.run(suite, r)
			}()
			<-ended
			if len(r.failures) == 0 {
				t.Error("the suite has not noticed")
			} else {
				t.Logf("%d failures, the first: %s", len(r.failures), r.failures[0])
			}
		})
	}
}

func BenchmarkMemory(b *testing.B) { newSite().suite().Bench(b) }
