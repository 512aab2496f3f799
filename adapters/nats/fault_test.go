package nats_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream/hub"
)

// publishers runs four publishers through the nodes until stop returns true, each one
// event after another. It returns the number of events. An error fails the test.
func publishers(t *testing.T, nodes []*node, stop func(published int) bool) int {
	var published atomic.Int64
	var mu sync.Mutex
	var slowest time.Duration
	var work sync.WaitGroup
	for p := range 4 {
		work.Go(func() {
			for i := p; !stop(int(published.Load())); i += 4 {
				begun := time.Now()
				nodes[p%len(nodes)].publish(t, i, i+1)
				published.Add(1)
				mu.Lock()
				slowest = max(slowest, time.Since(begun))
				mu.Unlock()
			}
		})
	}
	work.Wait()
	t.Logf("%d published, the slowest took %v", published.Load(), slowest.Round(time.Millisecond))
	return int(published.Load())
}

// Connections break all the time. No event is lost or comes twice, and no publisher gets
// an error.
func TestBackplaneCutConnections(t *testing.T) {
	t.Parallel()
	events, every := 300, 50
	if *long {
		events, every = 20_000, 50
	}
	s := start(t)
	nodes := []*node{newNode(t, s.ClientURL(), nats.BackplaneConfig{}), newNode(t, s.ClientURL(), nats.BackplaneConfig{})}
	// Count events, not time: a slow machine would publish nothing in between.
	var cut, next atomic.Int64
	next.Store(int64(every))
	n := publishers(t, nodes, func(published int) bool {
		if at := next.Load(); int64(published) >= at && next.CompareAndSwap(at, at+int64(every)) {
			cut.Add(int64(s.cut()))
		}
		return published >= events
	})
	whole(t, n, nodes...)
	if cut.Load() < 10 {
		t.Errorf("%d connections cut: the test has tested nothing", cut.Load())
	}
	if last := infoOf(t, s.ClientURL(), "log").State.LastSeq; last != uint64(n) {
		t.Errorf("%d events in the log, of %d published", last, n)
	}
	t.Logf("%d connections cut; follower began again %d and %d times", cut.Load(), nodes[0].log.Stats().Reconnects, nodes[1].log.Stats().Reconnects)
}

// The server that leads the log stops every second, while four publishers publish through
// two hubs. No event is lost or comes twice, and no publisher gets an error.
func TestBackplaneKilledLeader(t *testing.T) {
	t.Parallel()
	lasts := 2 * time.Second
	if *long {
		lasts = 20 * time.Second
	}
	c := startCluster(t)
	cfg := nats.BackplaneConfig{Replicas: 3, Timeout: time.Minute} // the machine may be slow
	nodes := []*node{newNode(t, c.urls, cfg), newNode(t, c.urls, cfg)}
	var over atomic.Bool
	var killed int
	killer := make(chan bool)
	go func() {
		defer close(killer)
		defer over.Store(true)
		for begun := time.Now(); time.Since(begun) < lasts || killed < 2; time.Sleep(time.Second) {
			if leader := c.leader("log"); leader != nil {
				leader.stop()
				killed++
				leader.start()
			}
		}
	}()
	n := publishers(t, nodes, func(int) bool { return over.Load() })
	<-killer
	whole(t, n, nodes...)
	var last uint64
	eventually(t, "the log is there", func() bool {
		at, _, err := nodes[0].log.Bounds(t.Context())
		last = at.Seq
		return err == nil
	})
	if last != uint64(n) {
		t.Errorf("%d events in the log, of %d published", last, n)
	}
	t.Logf("%d leaders killed; followers began again %d and %d times", killed, nodes[0].log.Stats().Reconnects, nodes[1].log.Stats().Reconnects)
}

// The stream is deleted, again and again, while hubs follow it and publish: each time a
// new log begins, and all clients receive one gap event.
func TestBackplaneDeletedStream(t *testing.T) {
	t.Parallel()
	const rounds = 3
	s := start(t)
	nodes := []*node{newNode(t, s.ClientURL(), nats.BackplaneConfig{}), newNode(t, s.ClientURL(), nats.BackplaneConfig{})}
	admin := connect(t, s.ClientURL())
	for round := range rounds {
		nodes[round%2].publish(t, 10*round, 10*round+10)
		for _, n := range nodes {
			eventually(t, "the events are there", func() bool { return n.count() == 10*round+10 })
			if gaps := n.audit(t); gaps != round {
				t.Errorf("%d gaps after %d deletions", gaps, round)
			}
		}
		if err := admin.DeleteStream(t.Context(), "log"); err != nil {
			t.Fatal(err)
		}
	}
	// Clients get the gap event even without another event.
	for _, n := range nodes {
		eventually(t, "the readers are told", func() bool { return n.audit(t) == rounds })
	}
}

func TestBackplaneRestart(t *testing.T) {
	for _, tt := range []struct {
		name string
		// between is called when all nodes have the first 100 events, and returns
		// how many have been published then.
		between func(t *testing.T, s *natsServer, nodes []*node) int
		forks   bool // others publish before the nodes reconnect
		gaps    int
		why     string
	}{
		{"with its files", func(*testing.T, *natsServer, []*node) int { return 100 }, false, 0, "the log goes on"},
		{"without its files", func(t *testing.T, s *natsServer, _ []*node) int {
			s.stop()
			s.opts.StoreDir = t.TempDir()
			return 100
		}, false, 1, "there may have been events of which nothing is known"},
		{"with older files", older, false, 1, "the numbers of what was lost would be used a second time"},
		{"with older files, and others publish", older, true, 1, "they were used a second time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			// The nodes connect through a network that can be closed.
			proxy := testkit.NewProxy(t, s.Addr().String())
			nodes := []*node{newNode(t, "nats://"+proxy.Addr, nats.BackplaneConfig{}), newNode(t, "nats://"+proxy.Addr, nats.BackplaneConfig{})}
			nodes[0].publish(t, 0, 100)
			whole(t, 100, nodes...)
			published := tt.between(t, s, nodes)
			proxy.Cut()
			s.stop()
			s.start()
			if tt.forks {
				other := open(t, s.ClientURL(), "log")
				for range 20 {
					appendTo(t, other, "other topic", "x")
				}
			}
			proxy.Restore()
			for _, n := range nodes {
				if tt.gaps > 0 {
					eventually(t, "the readers are told", func() bool { return n.audit(t) >= tt.gaps })
				}
			}
			nodes[1].publish(t, 1000, 1010)
			for i, n := range nodes {
				eventually(t, "the events after the restart are there", func() bool { return n.count() >= published+10 })
				if gaps := n.audit(t); gaps != tt.gaps || n.count() != published+10 {
					t.Errorf("node %d: %d events and %d gaps, want %d and %d: %s", i, n.count(), gaps, published+10, tt.gaps, tt.why)
				}
			}
		})
	}
}

// older starts the server with its files from before the last 5 events, which the nodes
// have received.
func older(t *testing.T, s *natsServer, nodes []*node) int {
	s.stop()
	files := s.files()
	s.start()
	nodes[0].publish(t, 100, 105)
	for _, n := range nodes {
		eventually(t, "all have what will be lost", func() bool { return n.count() == 105 })
	}
	s.stop()
	s.opts.StoreDir = files
	return 105
}

// Messages of other programs in the stream stop no follower, and count as gaps.
func TestBackplaneForeignEntries(t *testing.T) {
	s := start(t)
	n := newNode(t, s.ClientURL(), nats.BackplaneConfig{})
	n.publish(t, 0, 3)
	whole(t, 3, n)
	info := infoOf(t, s.ClientURL(), "log")
	js := connect(t, s.ClientURL())
	for _, garbage := range []string{"", "x", "\x01", strings.Repeat("\xff", 30)} {
		if _, err := js.Publish(t.Context(), info.Config.Subjects[0], []byte(garbage)); err != nil {
			t.Fatal(err)
		}
	}
	n.publish(t, 3, 6)
	eventually(t, "the next events are there", func() bool { return n.count() == 6 })
	if gaps := n.audit(t); gaps == 0 {
		t.Error("entries that cannot be read passed without a gap")
	}
}

// A silent network breaks no connection, but is detected.
func TestBackplaneSilentNetwork(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := testkit.NewProxy(t, s.Addr().String())
	near, far := newNode(t, s.ClientURL(), nats.BackplaneConfig{}), newNode(t, "nats://"+proxy.Addr, nats.BackplaneConfig{})
	near.publish(t, 0, 10)
	whole(t, 10, near, far)
	proxy.Silent.Store(true)
	near.publish(t, 10, 20)
	eventually(t, "the silence is noticed", func() bool { return far.out.Len() > 0 })
	proxy.Silent.Store(false)
	whole(t, 20, near, far)
}

// An entry is lost between the server of the consumer and the one of the client, and the
// connection stays. The follower notices when the next one comes, or when none comes for
// a while.
func TestSubscribeLostDelivery(t *testing.T) {
	for name, next := range map[string]bool{"next": true, "silence": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			proxy := testkit.NewProxy(t, s.Addr().String())
			js := connect(t, "nats://"+proxy.Addr)
			log, writer := nats.NewBackplane(js, "log", nats.BackplaneConfig{}), open(t, s.ClientURL(), "log")
			first := appendTo(t, writer, "t", "first")
			var f keeper
			f.follow(t, log, hub.Position{Epoch: first.Epoch})
			eventually(t, "the first is there", func() bool { return f.has("first") })
			lost := "lost"
			proxy.Drop.Store(&lost)
			appendTo(t, writer, "t", lost)
			eventually(t, "it was lost", func() bool { return proxy.Drop.Load() == nil })
			if next {
				appendTo(t, writer, "t", "next")
				eventually(t, "the next is there", func() bool { return f.has("next") })
			}
			eventually(t, "it was delivered after all", func() bool { return f.has("lost") })
			f.stop()
			for i, e := range f.entries {
				if e.Seq != uint64(i+1) {
					t.Errorf("entry %d came where %d was due", e.Seq, i+1)
				}
			}
			if n := log.Stats().Reconnects; n != 1 || js.Conn().Stats().Reconnects != 0 {
				t.Errorf("it began again %d times, over %d connections", n, js.Conn().Stats().Reconnects+1)
			}
		})
	}
}

func TestBackplaneStats(t *testing.T) {
	s := start(t)
	n := newNode(t, s.ClientURL(), nats.BackplaneConfig{})
	if got := n.log.Stats(); got != (nats.Stats{}) {
		t.Errorf("before the first event: %+v", got)
	}
	n.publish(t, 0, 10)
	whole(t, 10, n)
	if got := n.log.Stats(); got.Reconnects != 0 || got.LastSeq != 10 || got.Lag < 0 {
		t.Errorf("after ten events: %+v", got)
	}
	s.cut()
	n.publish(t, 10, 20)
	whole(t, 20, n)
	if got := n.log.Stats(); got.Reconnects == 0 || got.LastSeq != 20 {
		t.Errorf("after a broken connection: %+v", got)
	}
}

// Users with only the permissions in the package comment can do everything.
func TestDocumentedPermissions(t *testing.T) {
	user := &server.User{Username: "blog", Password: "blog", Permissions: &server.Permissions{
		Publish: &server.SubjectPermission{Allow: []string{
			"log.*",
			"$JS.API.STREAM.INFO.log", "$JS.API.STREAM.CREATE.log", "$JS.API.STREAM.UPDATE.log",
			"$JS.API.CONSUMER.CREATE.log.>", "$JS.API.CONSUMER.MSG.NEXT.log.>",
			"$JS.API.CONSUMER.INFO.log.>",
		}},
		Subscribe: &server.SubjectPermission{Allow: []string{"_INBOX.>"}},
	}}
	s := start(t, func(o *server.Options) { o.Users = []*server.User{user} })
	urls := strings.Replace(s.ClientURL(), "://", "://blog:blog@", 1)
	n := newNode(t, urls, nats.BackplaneConfig{})
	n.publish(t, 0, 10)
	whole(t, 10, n)
	s.cut()
	n.publish(t, 10, 20)
	whole(t, 20, n)
}
