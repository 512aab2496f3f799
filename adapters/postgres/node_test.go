package postgres_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A node stands for one of several processes: a hub, its pool of connections, and a
// server; with one client that connects like an EventSource: it reconnects with its last
// id, and collects its events.
type node struct {
	pool    *pgxpool.Pool
	log     *postgres.Backplane
	hub     *hub.Hub
	url     string
	records testkit.Log

	mu     sync.Mutex
	events []stream.Event
}

const topic = "t"

func open(t testing.TB, addr, name string, cfg postgres.BackplaneConfig) *node {
	n := new(node)
	n.pool = connect(t, addr)
	cfg.MaxHistory = 50_000
	n.log = postgres.NewBackplane(n.pool, name, cfg)
	n.hub = hub.New(hub.Config{
		Backplane:  n.log,
		MaxHistory: 50_000,
		Logger:     n.records.Logger(),
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = n.hub.Serve(w, r, hub.Subscription{Topics: []string{topic}, History: 50_000})
	}))
	n.url = server.URL
	transport := new(http.Transport)
	ctx, cancel := context.WithCancel(context.Background())
	left := make(chan bool)
	go func() {
		defer close(left)
		for id := ""; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			id = n.connect(ctx, transport, id)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-left
		if err := n.hub.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		server.Close()
	})
	eventually(t, "the reader is connected", func() bool { return n.hub.Stats().Subscribers == 1 })
	return n
}

func (n *node) connect(ctx context.Context, transport *http.Transport, lastEventID string) string {
	r, _ := http.NewRequestWithContext(ctx, "GET", n.url, nil)
	r.Header.Set("Last-Event-ID", lastEventID)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return lastEventID
	}
	defer resp.Body.Close()
	reader := stream.NewReader(resp.Body)
	for e, err := range reader.All() {
		if err != nil {
			break
		}
		n.mu.Lock()
		n.events = append(n.events, e)
		n.mu.Unlock()
	}
	if id := reader.LastEventID(); id != "" {
		return id
	}
	return lastEventID
}

func (n *node) received() []stream.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

// count returns how many events the client has received, not counting gaps.
func (n *node) count() (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range n.events {
		if e.Name != hub.GapEvent {
			count++
		}
	}
	return count
}

func (n *node) publish(t testing.TB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := n.hub.Publish(t.Context(), topic, stream.Event{Data: strconv.Itoa(i)}); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
}

// audit checks that events came in order of their ids, none twice, and returns the number
// of gaps.
func (n *node) audit(t testing.TB) (gaps int) {
	t.Helper()
	at := make(map[string]uint64) // by epoch
	data := make(map[string]bool)
	for i, e := range n.received() {
		if e.Name == hub.GapEvent {
			gaps++
			continue
		}
		epoch, number, _ := strings.Cut(e.ID, "-")
		seq, err := strconv.ParseUint(number, 10, 64)
		if err != nil || seq <= at[epoch] {
			t.Errorf("event %d has the id %q after %d", i, e.ID, at[epoch])
		}
		at[epoch] = seq
		if data[e.Data] {
			t.Errorf("event %d, %q, came before", i, e.Data)
		}
		data[e.Data] = true
	}
	return gaps
}
