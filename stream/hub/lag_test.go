package hub_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// lagging is a connection to a log that delivers nothing while it is held.
type lagging struct {
	hub.Backplane
	hold gate
}

func (l *lagging) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	return l.Backplane.Subscribe(ctx, after, func(e hub.Entry) {
		l.hold.Lock()
		defer l.hold.Unlock()
		deliver(e)
	})
}

// A client of one hub reconnects to another that lags behind.
func TestHubLags(t *testing.T) {
	for _, tt := range []struct {
		behind, missed, rest string // published before it leaves, while it is away, when it is back
		want                 []string
		why                  string
	}{
		{"3", "", "4", []string{"4"}, "it has received what this hub has not heard of"},
		{"3 4", "5", "6 7", []string{"5", "6", "7"}, "what it has not received is sent once it is heard of"},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := new(backplanetest.Memory)
			feed := &lagging{log, make(gate, 1)}
			one, two := hub.New(hub.Config{Backplane: log}), hub.New(hub.Config{Backplane: feed})
			defer one.Shutdown(t.Context())
			defer two.Shutdown(t.Context())
			publish(t, one, "a", "1 2")
			synctest.Wait()

			feed.hold.Lock()
			at := publish(t, one, "a", tt.behind)
			publish(t, one, "a", tt.missed)
			synctest.Wait()
			if two.LastEventID() >= at {
				t.Fatal("the hub does not lag")
			}
			s := listen(t, two, hub.Subscription{Topics: []string{"a"}, LastEventID: at})
			synctest.Wait()
			if id := s.expect(t); id != at {
				t.Errorf("it is told that it is at %q, want %q", id, at)
			}
			feed.hold.Unlock()
			last := publish(t, one, "a", tt.rest)
			synctest.Wait()
			if id := s.expect(t, tt.want...); id != last {
				t.Errorf("it is at %q, want %q: %s", id, last, tt.why)
			}

			// A number has no meaning in another log.
			_, seq, _ := strings.Cut(last, "-")
			other := listen(t, two, hub.Subscription{Topics: []string{"b"}, LastEventID: "other-" + seq})
			synctest.Wait()
			other.expect(t, `gap:{"after":""}`)
		})
	}
}
