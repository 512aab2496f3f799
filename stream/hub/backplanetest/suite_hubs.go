package backplanetest

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// hubs: a client moves from one hub to another, and misses nothing.
func (s Suite) hubs(t *testing.T) {
	one, two := s.hub(t), s.hub(t)
	early := publish(t, one.hub, "before anybody")
	client := one.connect(t, early)
	var ids []string
	for i := range 6 {
		ids = append(ids, publish(t, []*hub.Hub{one.hub, two.hub}[i%2], fmt.Sprint(i)))
	}
	for i := range 3 {
		if e := client.next(); e.ID != ids[i] || e.Data != fmt.Sprint(i) {
			t.Errorf("received %q with id %q, want %d with id %q", e.Data, e.ID, i, ids[i])
		}
	}
	client.close()
	client = two.connect(t, ids[2])
	for i := 3; i < 6; i++ {
		if e := client.next(); e.ID != ids[i] || e.Name != "" {
			t.Errorf("after reconnecting to the other: %q %q with id %q, want id %q", e.Name, e.Data, e.ID, ids[i])
		}
	}
	// A process that starts later knows earlier events.
	client.close()
	client = s.hub(t).connect(t, early)
	if e := client.next(); e.ID != ids[0] || e.Name != "" {
		t.Errorf("a hub made later replays %q %q from id %q, want id %q", e.Name, e.Data, e.ID, ids[0])
	}
}

// hubOfAWipedLog: subscribers receive a gap event, and then go on.
func (s Suite) hubOfAWipedLog(t *testing.T) {
	h := s.hub(t)
	at := publish(t, h.hub, "before")
	client := h.connect(t, at)
	s.Wipe(t, t.Name())
	after := publish(t, h.hub, "after")
	if e := client.next(); e.Name != hub.GapEvent {
		t.Errorf("received %q %q, want a gap", e.Name, e.Data)
	}
	if e := client.next(); e.ID != after || e.Data != "after" {
		t.Errorf("received %q with id %q, want %q", e.Data, e.ID, after)
	}
}

// presence: hubs tell each other through the log who listens.
func (s Suite) presence(t *testing.T) {
	one := hub.New(hub.Config{Backplane: s.Open(t, t.Name()), Presence: true})
	two := hub.New(hub.Config{Backplane: s.Open(t, t.Name()), Presence: true})
	for client, h := range map[string]*hub.Hub{"ann": one, "bob": two} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = h.Serve(w, r, hub.Subscription{Topics: []string{"room"}, Client: client})
		}))
		defer server.Close()
		defer func() {
			if err := h.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		resp, err := http.Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
	}
	want := []string{"ann", "bob"}
	for _, h := range []*hub.Hub{one, two} {
		for start := time.Now(); !slices.Equal(h.Present("room"), want); time.Sleep(20 * time.Millisecond) {
			if time.Since(start) > patience {
				t.Fatalf("present are %q, want %q", h.Present("room"), want)
			}
		}
	}
}

// A process is a hub and its server.
type process struct {
	hub *hub.Hub
	url string
}

func (s Suite) hub(t *testing.T) process {
	h := hub.New(hub.Config{Backplane: s.Open(t, t.Name())})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = h.Serve(w, r, hub.Subscription{Topics: []string{"t"}})
	}))
	t.Cleanup(func() {
		if err := h.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	return process{h, server.URL}
}

// A client is an open stream.
type client struct {
	t      testing.TB
	events chan stream.Event
	close  func()
}

func (p process) connect(t testing.TB, lastEventID string) *client {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", p.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Last-Event-ID", lastEventID)
	transport := &http.Transport{}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{t: t, events: make(chan stream.Event, 100)}
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for e, err := range stream.NewReader(resp.Body).All() {
			if err != nil {
				return
			}
			c.events <- e
		}
	}()
	c.close = sync.OnceFunc(func() {
		cancel()
		resp.Body.Close()
		<-ended
		transport.CloseIdleConnections()
	})
	t.Cleanup(c.close)
	return c
}

func (c *client) next() stream.Event {
	c.t.Helper()
	select {
	case e := <-c.events:
		return e
	case <-time.After(patience):
		c.t.Error("no event came")
		return stream.Event{}
	}
}

func publish(t testing.TB, h *hub.Hub, data string) (id string) {
	t.Helper()
	id, err := h.Publish(t.Context(), "t", stream.Event{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return id
}
