package hub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func TestHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		publish(t, h, "a", "before")
		ab := listen(t, h, hub.Subscription{Topics: []string{"a", "b", "a"}})
		b := listen(t, h, hub.Subscription{Topics: []string{"b"}})
		synctest.Wait()
		publish(t, h, "a", "1")
		publish(t, h, "b", "2 3")
		id := publish(t, h, "a", "4")
		publish(t, h, "c", "alone")
		synctest.Wait()
		if got := ab.expect(t, "1", "2", "3", "4"); got != id {
			t.Errorf("the last id received is %q, Publish returned %q", got, id)
		}
		b.expect(t, "2", "3")
		if ab.header.Get("Content-Type") != "text/event-stream" {
			t.Error("not an event stream")
		}
		ab.leave()
		publish(t, h, "b", "5")
		synctest.Wait()
		b.expect(t, "2", "3", "5")
		b.leave()
		if ab.err != nil || b.err != nil {
			t.Errorf("Serve = %v and %v for clients that left", ab.err, b.err)
		}
		if got := h.Stats(); got.Published != 7 || got.Delivered != 7 || got.Subscribers != 0 || got.Topics != 3 {
			t.Errorf("Stats = %+v", got)
		}
	})
}

func TestHubPublishErrors(t *testing.T) {
	h := hub.New(hub.Config{})
	var e *stream.EventError
	for _, tt := range []struct {
		event stream.Event
		typed bool
		why   string
	}{
		{stream.Event{ID: "7", Data: "x"}, false, "the hub numbers events"},
		{stream.Event{}, false, "nothing to send"},
		{stream.Event{Name: "a\nb"}, true, "injection"},
	} {
		if id, err := h.Publish(t.Context(), "a", tt.event); err == nil || id != "" || errors.As(err, &e) != tt.typed {
			t.Errorf("Publish(%+v) = %q, %v: %s", tt.event, id, err, tt.why)
		}
	}
	if h.Stats().Published != 0 {
		t.Error("an event that was refused was published")
	}
}

func TestHubFlushesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		s.hold.Lock()
		publish(t, h, "a", "0")
		synctest.Wait() // it is blocked in a write
		before := s.flushes
		var want []string
		for i := range 60 {
			publish(t, h, "a", fmt.Sprint(i+1))
		}
		for i := range 61 {
			want = append(want, fmt.Sprint(i))
		}
		s.hold.Unlock()
		synctest.Wait()
		s.expect(t, want...)
		if n := s.flushes - before; n != 2 {
			t.Errorf("%d flushes, want one for the event it was stuck in and one for the 60 after it", n)
		}
	})
}

func TestHubHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Heartbeat: 10 * time.Second})
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := s.text(); got != ":\n" {
			t.Errorf("%q, want one heartbeat", got)
		}
		publish(t, h, "b", "elsewhere")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := s.text(); got != ":\n:\n" {
			t.Errorf("%q, want another: it is told its position with the next event", got)
		}
		for range 5 {
			time.Sleep(7 * time.Second)
			publish(t, h, "a", "x")
		}
		synctest.Wait()
		if n := strings.Count(s.text(), ":\n"); n != 2 {
			t.Errorf("%d heartbeats, want none while there is traffic", n-2)
		}
	})
}

func TestHubMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxAge: 100 * time.Second})
		start := time.Now()
		var ended []time.Duration
		var mu sync.Mutex
		for range 50 {
			s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
			go func() {
				<-s.done
				mu.Lock()
				defer mu.Unlock()
				ended = append(ended, time.Since(start))
				if s.err != nil {
					t.Errorf("Serve = %v", s.err)
				}
			}()
		}
		time.Sleep(111 * time.Second)
		synctest.Wait()
		slices.Sort(ended)
		if len(ended) != 50 || ended[0] < 90*time.Second {
			t.Fatalf("%d ended, the first after %v; want 50 from 90 s on", len(ended), ended[0])
		}
		if len(slices.Compact(ended)) < 2 {
			t.Error("all ended together")
		}
	})
}

// insatiable is a client that never catches up: for each write more events are published
// than it received.
type insatiable struct {
	discard
	more func()
}

func (c *insatiable) Flush() { c.more() }

func TestHubEndsWhileBehind(t *testing.T) {
	for _, tt := range []struct {
		name   string
		maxAge time.Duration // of the stream
		leaves time.Duration // the client, after that
	}{
		{"too old", 100 * time.Second, time.Hour},
		{"client gone", 0, 100 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := hub.New(hub.Config{MaxAge: tt.maxAge})
				ctx, cancel := context.WithTimeout(t.Context(), tt.leaves)
				defer cancel()
				start := time.Now()
				c := &insatiable{more: func() {
					time.Sleep(time.Second)
					if time.Since(start) < time.Hour {
						publish(t, h, "a", strings.Repeat("x ", 100))
					}
				}}
				r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
				if err := h.Serve(c, r, hub.Subscription{Topics: []string{"a"}, Overflow: hub.DropOldest}); err != nil {
					t.Error(err)
				}
				if open := time.Since(start); open > 102*time.Second {
					t.Errorf("the stream was open for %v, want 100 s", open)
				}
			})
		})
	}
}

func TestHubMaxSubscribers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxSubscribers: 3, MaxPerClient: 2})
		sub := func(client string) hub.Subscription {
			return hub.Subscription{Topics: []string{"a"}, Client: client}
		}
		ann := listen(t, h, sub("ann"))
		listen(t, h, sub("ann"))
		synctest.Wait()
		refused := func(client, why string) {
			s := listen(t, h, sub(client))
			<-s.done
			if s.status != 503 || s.header.Get("Retry-After") == "" || s.err == nil {
				t.Errorf("%d, Retry-After %q, %v: %s", s.status, s.header.Get("Retry-After"), s.err, why)
			}
		}
		refused("ann", "two of hers are open")
		listen(t, h, sub(""))
		synctest.Wait()
		refused("bob", "three are open")
		ann.leave()
		listen(t, h, sub("ann"))
		synctest.Wait()
		if got := h.Stats(); got.Subscribers != 3 || got.Refused != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func TestHubShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		var all []*sink
		for range 20 {
			all = append(all, listen(t, h, hub.Subscription{Topics: []string{"a"}}))
		}
		synctest.Wait()
		stuck := all[0]
		stuck.hold.Lock()
		publish(t, h, "a", "1")
		synctest.Wait()
		publish(t, h, "a", "2")
		ended := make(chan error)
		go func() { ended <- h.Shutdown(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("Shutdown returned %v before the last subscriber had left", err)
		default:
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := h.Shutdown(short); err != context.DeadlineExceeded {
			t.Errorf("Shutdown = %v, want the error of its context", err)
		}
		stuck.hold.Unlock()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, s := range all {
			<-s.done
			s.expect(t, "1", "2") // what was published before arrives
			if s.err != nil {
				t.Errorf("Serve = %v", s.err)
			}
		}
		if _, err := h.Publish(t.Context(), "a", stream.Event{Data: "3"}); err != hub.ErrClosed {
			t.Errorf("Publish = %v", err)
		}
		late := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		<-late.done
		if late.status != 200 || late.err != nil {
			t.Errorf("a late subscription: %d, %v; want a stream that ends, so that an EventSource comes back", late.status, late.err)
		}
		if err := h.Shutdown(t.Context()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
	})
}

func TestSubscriptionErrors(t *testing.T) {
	h := hub.New(hub.Config{})
	for _, sub := range []hub.Subscription{
		{},
		{Topics: []string{"a"}, Overflow: hub.Coalesce},
		{Topics: []string{"a"}, Overflow: 9},
	} {
		s := listen(t, h, sub)
		<-s.done
		if s.status != 500 || s.err == nil {
			t.Errorf("%+v: %d, %v; want a 500", sub, s.status, s.err)
		}
	}
}

func TestHubNewPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	hub.New(hub.Config{MaxHistory: -1})
}

func TestHubManySubscribers(t *testing.T) {
	subscribers, events := 10_000, 20
	if testkit.Race {
		subscribers = 2000 // the race detector does not allow more than 8128 goroutines
	}
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		ctx, cancel := context.WithCancel(t.Context())
		clients := make([]discard, subscribers)
		var wg sync.WaitGroup
		for i := range clients {
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			wg.Go(func() {
				if err := h.Serve(&clients[i], r, hub.Subscription{Topics: []string{"t"}}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := h.Stats().Subscribers; n != subscribers {
			t.Fatalf("%d subscribers, want %d", n, subscribers)
		}
		for i := range events {
			publish(t, h, "t", fmt.Sprint(i))
		}
		synctest.Wait()
		for i := range clients {
			if n := clients[i].events.Load(); n != int64(events) {
				t.Fatalf("client %d received %d of %d", i, n, events)
			}
		}
		if n := h.Stats().Delivered; n != uint64(subscribers*events) {
			t.Errorf("%d deliveries counted, want %d", n, subscribers*events)
		}
		cancel()
		wg.Wait()
		if n := h.Stats().Subscribers; n != 0 {
			t.Errorf("%d subscribers left", n)
		}
	})
}

func TestHubAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	// The entry, its bytes, and its id for the caller.
	h := hub.New(hub.Config{})
	if n := testing.AllocsPerRun(1000, func() { h.Publish(t.Context(), "t", stream.Event{Data: "x"}) }); n > 3 {
		t.Errorf("Publish: %v allocations, want 3", n)
	}

	// A delivery allocates nothing: the rest is Publish, shared by many subscribers.
	const subscribers = 500
	h = hub.New(hub.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range subscribers {
		all.Go(func() {
			_ = h.Serve(&discard{}, httptest.NewRequestWithContext(ctx, "GET", "/", nil), hub.Subscription{Topics: []string{"t", "u"}})
		})
	}
	round := func() {
		want := h.Stats().Delivered + subscribers
		h.Publish(t.Context(), "t", stream.Event{Data: "x"})
		for h.Stats().Delivered < want {
			runtime.Gosched()
		}
	}
	for h.Stats().Subscribers < subscribers {
		runtime.Gosched()
	}
	time.Sleep(10 * time.Millisecond)
	for range 3 {
		h.Publish(t.Context(), "t", stream.Event{Data: "x"})
		time.Sleep(10 * time.Millisecond)
	}
	if n := testing.AllocsPerRun(50, round); n/subscribers > 0.1 {
		t.Errorf("%v allocations for %d deliveries", n, subscribers)
	}
	cancel()
	all.Wait()
}

// Times below the resolution of any clock still work.
func TestHubTinyTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{
			HistoryAge: 1, MaxAge: 1, Retry: 1, Heartbeat: 1, PresenceExpiry: 1, Presence: true, Backplane: new(backplanetest.Memory),
		})
		defer h.Shutdown(t.Context())
		s := listen(t, h, as("ann", "a"))
		time.Sleep(time.Second)
		<-s.done
		if s.err != nil {
			t.Error(s.err)
		}
	})
}

// TestPublishAfterShutdown: the log of a backplane has subscribers elsewhere. Without one
// there are none, and the error is a 503 for the client whose request came too late.
func TestPublishAfterShutdown(t *testing.T) {
	var log backplanetest.Memory
	for name, h := range map[string]*hub.Hub{
		"alone":     hub.New(hub.Config{}),
		"backplane": hub.New(hub.Config{Backplane: &log}),
	} {
		if err := h.Shutdown(t.Context()); err != nil {
			t.Fatal(name, err)
		}
		id, err := h.Publish(t.Context(), "a", stream.Event{Data: "1"})
		if name == "backplane" {
			if id == "" || err != nil {
				t.Errorf("%s: Publish = %q, %v", name, id, err)
			}
			continue
		}
		var e interface {
			StatusCode() int
			Header() http.Header
		}
		if !errors.Is(err, hub.ErrClosed) || !errors.As(err, &e) || e.StatusCode() != 503 || e.Header().Get("Retry-After") == "" {
			t.Errorf("%s: Publish = %q, %v", name, id, err)
		}
	}
	if at, _, err := log.Bounds(t.Context()); at.Seq != 1 || err != nil {
		t.Errorf("the log is at %v, %v", at, err)
	}
}
