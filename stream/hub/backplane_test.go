package hub_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// flaky is a log whose connection can be cut.
type flaky struct {
	backplanetest.Memory
	down atomic.Bool
	cut  chan struct{} // ends the current subscription
}

var errDown = errors.New("connection refused")

func (f *flaky) Bounds(ctx context.Context) (hub.Position, uint64, error) {
	if f.down.Load() {
		return hub.Position{}, 0, errDown
	}
	return f.Memory.Bounds(ctx)
}

func (f *flaky) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	if f.down.Load() {
		return errDown
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-f.cut:
			cancel(errDown)
		case <-ctx.Done():
		}
	}()
	return f.Memory.Subscribe(ctx, after, deliver)
}

func TestBackplaneOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &flaky{cut: make(chan struct{})}
		var records testkit.Log
		h := hub.New(hub.Config{Backplane: log, Logger: records.Logger()})
		defer h.Shutdown(t.Context())
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		publish(t, h, "a", "1")
		synctest.Wait()
		s.expect(t, "1")

		// Publishing goes on while the hub is disconnected; nothing is lost.
		log.down.Store(true)
		log.cut <- struct{}{}
		synctest.Wait()
		at := publish(t, h, "a", "2 3")
		time.Sleep(time.Minute)
		synctest.Wait()
		s.expect(t, "1")
		log.down.Store(false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		s.expect(t, "1", "2", "3")
		var messages []string
		for _, r := range records.Records() {
			messages = append(messages, r.Message)
		}
		if want := []string{"apiece: hub: lost the backplane, trying again", "apiece: hub: the backplane responds again"}; !slices.Equal(messages, want) {
			t.Errorf("an outage of one minute left the records %q, want %q", messages, want)
		}

		// This time the log forgets events that the hub has not received.
		log.down.Store(true)
		log.cut <- struct{}{}
		synctest.Wait()
		publish(t, h, "a", "4 5")
		log.Forget(1)
		log.down.Store(false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		gap := `gap:{"after":"` + at + `"}`
		s.expect(t, "1", "2", "3", gap, "5")
		back := listen(t, h, hub.Subscription{Topics: []string{"a"}, LastEventID: at})
		synctest.Wait()
		back.expect(t, gap, "5")
		if n := h.Stats().Disconnected; n != 0 {
			t.Errorf("%d disconnected as too slow: nobody was", n)
		}

		// And now all of them, so that no entry shows the hole.
		log.down.Store(true)
		log.cut <- struct{}{}
		synctest.Wait()
		at = publish(t, h, "a", "6")
		before := h.LastEventID()
		log.Forget(0)
		log.down.Store(false)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		last := `gap:{"after":"` + before + `"}`
		s.expect(t, "1", "2", "3", gap, "5", last)
		if id := h.LastEventID(); id != at {
			t.Errorf("the hub is at %q, want %q", id, at)
		}
		publish(t, h, "a", "7")
		synctest.Wait()
		s.expect(t, "1", "2", "3", gap, "5", last, "7")
	})
}

func TestBackplaneNeverUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &flaky{cut: make(chan struct{})}
		log.down.Store(true)
		h := hub.New(hub.Config{Backplane: log, Logger: new(testkit.Log).Logger()})
		defer h.Shutdown(t.Context())
		unknown := h.LastEventID()
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		<-s.done
		if s.status != 503 || s.header.Get("Retry-After") == "" {
			t.Errorf("%d, want 503 with Retry-After", s.status)
		}
		// Once it is up, waiting clients are served.
		s = listen(t, h, hub.Subscription{Topics: []string{"a"}})
		time.Sleep(time.Second)
		log.down.Store(false)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		publish(t, h, "a", "1")
		synctest.Wait()
		s.expect(t, "1")
		s = listen(t, h, hub.Subscription{Topics: []string{"a"}, LastEventID: unknown})
		synctest.Wait()
		s.expect(t, `gap:{"after":""}`, "1")
	})
}

// shifty is a log that changes between the first Bounds and Subscribe.
type shifty struct {
	backplanetest.Memory
	happens func(*backplanetest.Memory) error
}

func (l *shifty) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	if happens := l.happens; happens != nil {
		l.happens = nil
		if err := happens(&l.Memory); err != nil {
			return err
		}
	}
	return l.Memory.Subscribe(ctx, after, deliver)
}

func TestBackplaneChangesAfterBounds(t *testing.T) {
	for _, tt := range []struct {
		name    string
		happens func(*backplanetest.Memory) error
	}{
		{"forgets all and breaks", func(m *backplanetest.Memory) error { m.Forget(0); return errDown }},
		{"forgets some", func(m *backplanetest.Memory) error { m.Forget(1); return nil }},
		{"is wiped", func(m *backplanetest.Memory) error {
			m.Wipe()
			_, err := m.Append(context.Background(), "a", stream.Event{Data: "of another log"})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				log := &shifty{happens: tt.happens}
				for range 5 {
					log.Append(t.Context(), "a", stream.Event{Data: "before"})
				}
				h := hub.New(hub.Config{Backplane: log, Logger: new(testkit.Log).Logger()})
				defer h.Shutdown(t.Context())
				s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
				time.Sleep(time.Second)
				publish(t, h, "a", "1")
				synctest.Wait()
				s.expect(t, "1")
			})
		})
	}
}

func TestBackplaneNeverUpAndShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &flaky{cut: make(chan struct{})}
		log.down.Store(true)
		h := hub.New(hub.Config{Backplane: log, Logger: new(testkit.Log).Logger()})
		start := time.Now()
		waits := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		if err := h.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		for _, s := range []*sink{waits, listen(t, h, hub.Subscription{Topics: []string{"a"}})} {
			<-s.done
			if s.status != 200 || s.err != nil {
				t.Errorf("%d, %v; want a stream that ends, so that an EventSource comes back", s.status, s.err)
			}
		}
		if waited := time.Since(start); waited > 0 {
			t.Errorf("they waited %v for a hub that is shut down", waited)
		}
	})
}

func TestBackplaneForeignEntry(t *testing.T) {
	// Entries of other programs that the hub cannot send count as missing.
	synctest.Test(t, func(t *testing.T) {
		log := &flaky{cut: make(chan struct{})}
		h := hub.New(hub.Config{Backplane: log})
		defer h.Shutdown(t.Context())
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}, Overflow: hub.DropOldest})
		synctest.Wait()
		publish(t, h, "a", "1")
		log.Append(t.Context(), "a", stream.Event{Name: "x\ny"})
		publish(t, h, "a", "3")
		synctest.Wait()
		got, _ := s.events(t)
		if text := strings.Join(got, " "); strings.Count(text, "gap:") != 1 || !strings.HasSuffix(text, "1 3") {
			t.Errorf("received %q, want 1, 3 and a gap", got)
		}
	})
}

// namer gives its entries ids, which a Backplane must not do.
type namer struct{ backplanetest.Memory }

func (n *namer) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	return n.Memory.Subscribe(ctx, after, func(e hub.Entry) {
		e.Event.ID = "5"
		deliver(e)
	})
}

func TestBackplaneSetsIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Backplane: new(namer)})
		defer h.Shutdown(t.Context())
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		want := publish(t, h, "a", "1")
		synctest.Wait()
		if id := s.expect(t, "1"); id != want {
			t.Errorf("the client is at %q, want %q", id, want)
		}
	})
}

// mute does not respond to the first call.
type mute struct {
	backplanetest.Memory
	asked bool
}

func (m *mute) Bounds(ctx context.Context) (hub.Position, uint64, error) {
	if !m.asked {
		m.asked = true
		<-ctx.Done()
		return hub.Position{}, 0, ctx.Err()
	}
	return m.Memory.Bounds(ctx)
}

func TestBackplaneSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Backplane: new(mute), Logger: new(testkit.Log).Logger()})
		defer h.Shutdown(t.Context())
		time.Sleep(10 * time.Second)
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		publish(t, h, "a", "1")
		synctest.Wait()
		s.expect(t, "1")
	})
}

// stutter delivers every entry twice, which a Backplane must not do.
type stutter struct{ backplanetest.Memory }

func (s *stutter) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	return s.Memory.Subscribe(ctx, after, func(e hub.Entry) { deliver(e); deliver(e) })
}

func TestBackplaneDeliversTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Backplane: new(stutter)})
		defer h.Shutdown(t.Context())
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		publish(t, h, "a", "1 2 3")
		synctest.Wait()
		s.expect(t, "1", "2", "3")
	})
}

// liar delivers positions that cannot be ids.
type liar struct{ backplanetest.Memory }

func (l *liar) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	return l.Memory.Subscribe(ctx, after, func(e hub.Entry) {
		for _, epoch := range []string{"", "a\ndata: b", strings.Repeat("x", 33)} {
			deliver(hub.Entry{Position: hub.Position{Epoch: epoch, Seq: 1}, Topic: "a", Event: stream.Event{Data: "lie"}})
		}
		deliver(hub.Entry{Position: hub.Position{Epoch: "a"}, Topic: "a", Event: stream.Event{Data: "lie"}})
		deliver(e)
	})
}

func TestBackplaneInvalidPositions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Backplane: new(liar)})
		defer h.Shutdown(t.Context())
		s := listen(t, h, hub.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		publish(t, h, "a", "1 2")
		synctest.Wait()
		s.expect(t, "1", "2")
	})
}
