package hub_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

var (
	clusterSeeds = flag.Int("seeds", few(), "how many clusters of hubs to simulate")
	clusterFirst = flag.Int("seed", 0, "the seed of the first of them")
)

func few() int {
	if testkit.Race {
		return 2
	}
	return 6
}

// TestCluster runs hubs in several processes over one log, with clients that move between
// them, under the faults of networks, stores and deployments; finally the faults end. A
// seed sets how many there are of each and how long everything takes. The scheduler
// orders what happens at the same instant, so a seed reproduces a fault mostly, not
// always.
//
// Each client received every event of its topics once and in order, or a gap event before
// what follows a hole. In seeds without loss, where the log forgets nothing and histories
// are long, there is no gap event. After the faults, every client receives the next event
// of each of its topics.
func TestCluster(t *testing.T) {
	for seed := *clusterFirst; seed < *clusterFirst+*clusterSeeds; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { newCluster(t, uint64(seed)).run() })
		})
	}
}

type cluster struct {
	t         *testing.T
	seed      uint64
	dice      *dice
	log       *clusterLog
	roomy     bool // nothing is lost
	config    hub.Config
	topics    []string
	processes []*clusterProcess
	clients   []*clusterClient
	healthy   chan struct{}

	connections, lost, crashes atomic.Int64
}

func (c *cluster) isHealthy() bool {
	select {
	case <-c.healthy:
		return true
	default:
		return false
	}
}

// A clusterProcess has a hub, and another one after each crash or deployment.
type clusterProcess struct {
	cluster *cluster
	dice    *dice
	mu      sync.Mutex
	hub     *hub.Hub
	up      context.Context
	crash   context.CancelFunc
}

func (p *clusterProcess) now() (*hub.Hub, context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hub, p.up
}

// start starts the process.
func (p *clusterProcess) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.up, p.crash = context.WithCancel(context.Background())
	cfg := p.cluster.config
	cfg.Backplane = &line{
		log: p.cluster.log, dice: p.dice, latency: p.dice.upTo(time.Second), life: time.Minute,
		healthy: p.cluster.healthy, dead: p.up, lost: func() { p.cluster.lost.Add(1) },
	}
	p.hub = hub.New(cfg)
}

// stop ends the process normally, or crashes it.
func (p *clusterProcess) stop(crash bool) {
	h, _ := p.now()
	if crash {
		p.crash()
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = h.Shutdown(ctx)
	p.crash()
}

// newCluster sets up the cluster of a seed.
func newCluster(t *testing.T, seed uint64) *cluster {
	c := &cluster{t: t, seed: seed, dice: newDice(seed, 0), log: newClusterLog(), healthy: make(chan struct{})}
	c.roomy = c.dice.in(3)
	c.config = hub.Config{
		MaxHistory: 100_000, HistoryLimit: -1, HistoryAge: -1,
		Presence: c.dice.in(2), PositionBlocks: c.dice.in(3),
		Logger: slog.New(slog.DiscardHandler),
	}
	if c.dice.in(2) {
		c.config.MaxAge = 5*time.Second + c.dice.upTo(time.Minute)
	}
	if !c.roomy {
		c.config.MaxHistory = 1 + c.dice.n(1+c.dice.n(200))
		if c.dice.in(2) {
			c.config.HistoryAge = time.Second + c.dice.upTo(time.Minute)
		}
	}
	for i := range 1 + c.dice.n(6) {
		c.topics = append(c.topics, fmt.Sprint("topic", i))
	}
	for i := range 2 + c.dice.n(4) {
		p := &clusterProcess{cluster: c, dice: newDice(seed, uint64(1000+i))}
		p.start()
		c.processes = append(c.processes, p)
	}
	for i := range 5 + c.dice.n(25) {
		d := newDice(seed, uint64(2000+i))
		client := &clusterClient{cluster: c, dice: d, name: fmt.Sprint("client", i), overflow: hub.Overflow(d.n(3)), flaky: !d.in(3)}
		if d.in(3) {
			client.slow = d.upTo(10 * time.Second)
		}
		topics := slices.Clone(c.topics)
		for len(topics) > 1 && d.in(2) {
			topics = slices.Delete(topics, d.n(len(topics)), len(topics))
			topics = append(topics, c.topics[len(topics)])
		}
		client.witness = newWitness(c.log, topics, client.overflow == hub.Coalesce)
		c.clients = append(c.clients, client)
	}
	return c
}

func (c *cluster) run() {
	t := c.t
	clients, hangUp := context.WithCancel(context.Background())
	var reading, working sync.WaitGroup
	for _, client := range c.clients {
		reading.Go(func() { client.run(clients) })
	}
	const trouble = time.Minute
	ctx, cancel := context.WithTimeout(context.Background(), trouble)
	defer cancel()
	for i := range 1 + c.dice.n(4) {
		d := newDice(c.seed, uint64(3000+i))
		working.Go(func() { c.publish(ctx, d) })
	}
	for _, p := range c.processes {
		working.Go(func() { c.restart(ctx, p) })
	}
	if !c.roomy {
		working.Go(func() { c.forget(ctx, newDice(c.seed, 1)) })
	}
	working.Wait()

	// Lines may still hang for a while. Then every client reconnects, and catches up.
	close(c.healthy)
	time.Sleep(2 * time.Minute)
	owed := c.log.len()
	for _, topic := range c.topics {
		h, _ := c.processes[c.dice.n(len(c.processes))].now()
		if _, err := h.Publish(context.Background(), topic, stream.Event{Data: "z the last"}); err != nil {
			t.Errorf("publishing when all is well: %v", err)
		}
	}
	time.Sleep(time.Minute)
	synctest.Wait()
	c.present()

	hangUp()
	reading.Wait()
	if c.config.HistoryAge > 0 {
		owed = c.log.len() // it was dropped before a slow client reconnected
	}
	gaps := 0
	for _, client := range c.clients {
		for _, fault := range client.judge(owed) {
			t.Errorf("seed %d: %s, %v of %d topics: %s", c.seed, client.name, client.overflow, len(client.topics), fault)
		}
		gaps += len(client.gaps)
		if c.roomy && len(client.gaps) > 0 {
			t.Errorf("seed %d: %s, %v: %d gaps were told and there is none", c.seed, client.name, client.overflow, len(client.gaps))
		}
	}
	var delivered uint64
	for _, p := range c.processes {
		h, _ := p.now()
		delivered += h.Stats().Delivered
		if n := h.Stats().Subscribers; n != 0 {
			t.Errorf("seed %d: %d subscribers are left", c.seed, n)
		}
		p.stop(false)
	}
	t.Logf("%d hubs, %d clients, %d connections, %d topics, %d entries; %d connections to the log lost, %d hubs restarted; %d delivered by the last hubs, %d gaps told",
		len(c.processes), len(c.clients), c.connections.Load(), len(c.topics), c.log.len(), c.lost.Load(), c.crashes.Load(), delivered, gaps)
}

// publish publishes until ctx is done, at a varying pace.
func (c *cluster) publish(ctx context.Context, d *dice) {
	for ctx.Err() == nil {
		burst, every := 1+d.n(20), d.upTo(200*time.Millisecond)
		for range burst {
			h, _ := c.processes[d.n(len(c.processes))].now()
			patience, cancel := context.WithTimeout(ctx, 2*time.Second)
			data := fmt.Sprintf("%c %d", 'a'+d.n(3), d.n(1_000_000))
			_, _ = h.Publish(patience, c.topics[d.n(len(c.topics))], stream.Event{Data: data}) // after an error the event may be in the log or not
			cancel()
			_ = pause(ctx, every)
		}
		_ = pause(ctx, d.upTo(2*time.Second))
	}
}

// restart restarts a process now and then.
func (c *cluster) restart(ctx context.Context, p *clusterProcess) {
	for {
		if pause(ctx, p.dice.upTo(2*time.Minute)) != nil {
			return
		}
		c.crashes.Add(1)
		p.stop(p.dice.in(2))
		_ = pause(ctx, p.dice.upTo(5*time.Second))
		p.start()
	}
}

// forget makes the log lose some of its entries, or all.
func (c *cluster) forget(ctx context.Context, d *dice) {
	for pause(ctx, d.upTo(30*time.Second)) == nil {
		if d.in(6) {
			c.log.lose()
		} else {
			c.log.Forget(d.n(1 + d.n(100)))
		}
	}
}

// present checks whether every hub knows the clients, if those do not change.
func (c *cluster) present() {
	if !c.config.Presence || c.config.MaxAge > 0 {
		return
	}
	for _, topic := range c.topics {
		var want []string
		for _, client := range c.clients {
			if slices.Contains(client.topics, topic) {
				want = append(want, client.name)
			}
		}
		slices.Sort(want)
		for i, p := range c.processes {
			h, _ := p.now()
			if got := h.Present(topic); !slices.Equal(got, want) {
				c.t.Errorf("seed %d: hub %d says that %q listen to %s, want %q", c.seed, i, got, topic, want)
			}
		}
	}
}
