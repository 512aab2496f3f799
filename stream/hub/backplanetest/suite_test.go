package backplanetest_test

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

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// The rules are those that the package comment lists, in that order.
func TestSuiteRules(t *testing.T) {
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
	if rules := backplanetest.Rules(); !slices.Equal(rules, listed) {
		t.Errorf("the rules are\n%q, the package comment lists\n%q", rules, listed)
	}
}

// A site stands for an adapter's server: logs in memory, connections that can be killed,
// and a server that can be paused. A kill loses the reply to an operation that was
// carried out. The faults are those of wrong adapters.
type site struct {
	again bool // Append retries without looking whether the event is there
	early bool // after a kill Append returns a made-up position
	skip  bool // a Subscribe that is called again skips an entry
	deaf  bool // ignores the pause

	mu     sync.Mutex
	logs   map[string]*backplanetest.Memory
	killed chan struct{} // closed by the next kill
	gate   chan struct{} // closed unless the server is paused
	conns  atomic.Int64
}

func newSite() *site {
	s := &site{logs: make(map[string]*backplanetest.Memory), killed: make(chan struct{}), gate: make(chan struct{})}
	close(s.gate)
	return s
}

func (s *site) log(name string) *backplanetest.Memory {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.logs[name] == nil {
		s.logs[name] = new(backplanetest.Memory)
	}
	return s.logs[name]
}

func (s *site) kill(testing.TB, string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.killed)
	s.killed = make(chan struct{})
	return int(s.conns.Load())
}

func (s *site) pause(testing.TB, string) (resume func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gate := make(chan struct{})
	s.gate = gate
	return sync.OnceFunc(func() { close(gate) })
}

func (s *site) suite() backplanetest.Suite {
	return backplanetest.Suite{
		Open:    func(_ testing.TB, log string) hub.Backplane { return &conn{s.log(log), s} },
		Forget:  func(_ testing.TB, log string) { s.log(log).Forget(1) },
		Wipe:    func(_ testing.TB, log string) { s.log(log).Wipe() },
		Kill:    s.kill,
		Pause:   s.pause,
		Restart: func(t testing.TB, log string) { s.kill(t, log) },
	}
}

// A conn is a connection to a log of a site.
type conn struct {
	*backplanetest.Memory
	site *site
}

var errKilled = errors.New("the connection was killed")

// ask runs an operation, unless the server is paused, and loses the reply if the
// connection is killed meanwhile.
func (c *conn) ask(ctx context.Context, do func(context.Context) error) error {
	c.site.mu.Lock()
	gate, killed := c.site.gate, c.site.killed
	c.site.mu.Unlock()
	c.site.conns.Add(1)
	defer c.site.conns.Add(-1)
	if !c.site.deaf {
		select {
		case <-gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	within, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- do(within) }()
	select {
	case err := <-ended:
		return err
	case <-killed:
		cancel(errKilled)
		if err := <-ended; err != nil && ctx.Err() != nil {
			return err
		}
		return errKilled
	}
}

func (c *conn) Append(ctx context.Context, topic string, e stream.Event) (at hub.Position, err error) {
	err = c.ask(ctx, func(ctx context.Context) error {
		at, err = c.Memory.Append(ctx, topic, e)
		if at.Seq%16 == 0 { // a slow reply
			select {
			case <-ctx.Done():
			case <-time.After(time.Millisecond):
			}
		}
		return err
	})
	switch {
	case err == errKilled && c.site.again:
		return c.Memory.Append(ctx, topic, e)
	case err == errKilled && c.site.early:
		return hub.Position{Epoch: "1", Seq: 1}, nil
	}
	return at, err
}

func (c *conn) Bounds(ctx context.Context) (last hub.Position, forgotten uint64, err error) {
	err = c.ask(ctx, func(ctx context.Context) error {
		last, forgotten, err = c.Memory.Bounds(ctx)
		return err
	})
	return last, forgotten, err
}

func (c *conn) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	if c.site.skip && after.Seq > 0 {
		after.Seq++
	}
	return c.ask(ctx, func(ctx context.Context) error { return c.Memory.Subscribe(ctx, after, deliver) })
}

func TestMemory(t *testing.T) { newSite().suite().Run(t) }

// A record is a test that records its failures, and ends at Fatalf.
type record struct {
	testing.TB
	mu       sync.Mutex
	failures []string
}

func (r *record) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *record) Fatalf(format string, args ...any) { r.Errorf(format, args...); runtime.Goexit() }

// These adapters have one fault each, which the suite must find.
func TestSuiteFindsFaults(t *testing.T) {
	tests := []struct {
		name  string
		site  func(*site)
		suite func(*backplanetest.Suite, *site)
		run   func(backplanetest.Suite, testing.TB)
	}{
		{"an event is appended again", func(s *site) { s.again = true }, nil, backplanetest.Suite.Killed},
		{"an event is taken and not there", func(s *site) { s.early = true }, nil, backplanetest.Suite.Killed},
		{"an entry is passed over", func(s *site) { s.skip = true }, nil, backplanetest.Suite.Killed},
		{"Append does not try again", func(s *site) {}, func(s *backplanetest.Suite, _ *site) { s.Retries = true }, backplanetest.Suite.Killed},
		{"the server is not paused", func(s *site) { s.deaf = true }, nil, backplanetest.Suite.Paused},
		{"the data is gone after a restart", func(s *site) {}, func(s *backplanetest.Suite, site *site) {
			s.Restart = func(t testing.TB, log string) { site.log(log).Wipe() }
		}, backplanetest.Suite.Restarted},
		{"the log is not wiped", func(s *site) {}, func(s *backplanetest.Suite, _ *site) {
			s.Wipe = func(testing.TB, string) {}
		}, backplanetest.Suite.Wiped},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSite()
			tt.site(s)
			suite := s.suite()
			if tt.suite != nil {
				tt.suite(&suite, s)
			}
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
