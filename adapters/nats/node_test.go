package nats_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A node stands for one of several processes: a connection to NATS, a hub and a server;
// with one client, which stays connected and collects its events.
type node struct {
	log *nats.Backplane
	hub *hub.Hub
	out testkit.Log

	mu     sync.Mutex
	events []stream.Event
}

func newNode(t testing.TB, urls string, cfg nats.BackplaneConfig) *node {
	t.Helper()
	const history = 100_000
	cfg.MaxHistory = history
	n := &node{log: nats.NewBackplane(connect(t, urls), "log", cfg)}
	n.hub = hub.New(hub.Config{Backplane: n.log, MaxHistory: history, Logger: n.out.Logger()})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = n.hub.Serve(w, r, hub.Subscription{Topics: []string{"t"}, History: history})
	}))
	ctx, cancel := context.WithCancel(context.Background())
	transport := new(http.Transport)
	left := make(chan bool)
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(left)
		resp, err := transport.RoundTrip(r)
		if err != nil {
			t.Error(err)
			return
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			t.Errorf("the client is answered %s", resp.Status)
		}
		for e, err := range stream.NewReader(resp.Body).All() {
			if err != nil {
				return
			}
			n.mu.Lock()
			n.events = append(n.events, e)
			n.mu.Unlock()
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
	eventually(t, "the client is connected", func() bool { return n.hub.Stats().Subscribers == 1 })
	return n
}

func (n *node) publish(t testing.TB, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		if _, err := n.hub.Publish(t.Context(), "t", stream.Event{Data: strconv.Itoa(i)}); err != nil {
			t.Errorf("event %d: %v", i, err)
		}
	}
}

// count returns how many events the client has, not counting gaps.
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

// audit checks that events came in the order of their ids, those of a publisher in the
// order of publication, and none twice. It returns the number of gaps.
func (n *node) audit(t testing.TB) (gaps int) {
	t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	at, data := make(map[string]uint64), make(map[string]bool)
	for i, e := range n.events {
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
			t.Errorf("event %q came twice", e.Data)
		}
		data[e.Data] = true
	}
	return gaps
}

// whole checks that all nodes have the given number of events, and no gap.
func whole(t testing.TB, events int, nodes ...*node) {
	t.Helper()
	for i, n := range nodes {
		eventually(t, "all events are there", func() bool { return n.count() >= events })
		if gaps := n.audit(t); gaps != 0 || n.count() != events {
			t.Errorf("node %d: %d of %d events, and %d gaps", i, n.count(), events, gaps)
		}
	}
}
