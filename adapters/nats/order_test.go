package nats_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/stream/hub"
)

// Whatever happens to a log, in any order, between events that are appended without a
// pause: a follower receives each event at most once, in the order of the numbers, and in
// the end all that the log still has.
func TestSubscribeEveryOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	admin := connect(t, s.ClientURL())
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	connected := func() { // the test's own connection is cut as well
		eventually(t, "there is a connection", func() bool { return admin.Conn().Flush() == nil })
	}
	faults := map[string]func(log *nats.Backplane, name string, again func()){
		"break": func(*nats.Backplane, string, func()) { s.cut() },
		"delete": func(_ *nats.Backplane, name string, _ func()) {
			connected()
			do(admin.DeleteStream(t.Context(), name))
		},
		"forget": func(_ *nats.Backplane, name string, _ func()) {
			connected()
			stream, err := admin.Stream(t.Context(), name)
			do(err)
			do(stream.Purge(t.Context(), jetstream.WithPurgeKeep(1)))
		},
		"renew": func(log *nats.Backplane, name string, _ func()) { // as another follower does
			last, _, err := log.Bounds(t.Context())
			do(err)
			other := open(t, s.ClientURL(), name).(*nats.Backplane)
			do(nats.Renew(other, t.Context(), last.Epoch))
		},
		"again": func(_ *nats.Backplane, _ string, again func()) { again() },
	}
	orders := [][]string{nil}
	length := 2
	if *long {
		length = 3
	}
	for range length {
		var longer [][]string
		for _, order := range orders {
			for name := range faults {
				longer = append(longer, append(slices.Clone(order), name))
			}
		}
		orders = longer
	}
	for _, order := range orders {
		t.Run(strings.Join(order, " "), func(t *testing.T) {
			name := nameOf(t.Name())
			log := open(t, s.ClientURL(), name).(*nats.Backplane)
			var appended []hub.Position
			add := func() {
				for range 3 {
					appended = append(appended, appendTo(t, log, "t", fmt.Sprint(len(appended))))
				}
			}
			add()
			var f keeper
			reader := open(t, s.ClientURL(), name).(*nats.Backplane)
			f.follow(t, reader, hub.Position{Epoch: appended[0].Epoch})
			for _, fault := range order {
				faults[fault](log, name, func() { f.stop(); f.follow(t, reader, f.last()) })
				add()
			}
			end := fmt.Sprint(len(appended) - 1)
			eventually(t, "the last event is there", func() bool { return f.has(end) })
			f.stop()

			last, forgotten, err := log.Bounds(t.Context())
			do(err)
			for i, at := range appended {
				if at.Epoch == last.Epoch && at.Seq > forgotten && !f.has(fmt.Sprint(i)) {
					t.Errorf("event %d is in the log, at %v, and was not delivered", i, at)
				}
			}
			at, times := make(map[string]uint64), make(map[string]int)
			for _, e := range f.entries {
				if e.Seq <= at[e.Epoch] {
					t.Errorf("%v came after %d", e.Position, at[e.Epoch])
				}
				at[e.Epoch] = e.Seq
				if times[e.Event.Data]++; times[e.Event.Data] > 1 {
					t.Errorf("event %s was delivered again, at %v", e.Event.Data, e.Position)
				}
			}
		})
	}
}

// A keeper follows a log as a hub does, and keeps the entries.
type keeper struct {
	stop func()

	mu      sync.Mutex
	at      hub.Position
	entries []hub.Entry
}

func (k *keeper) follow(t testing.TB, log hub.Backplane, after hub.Position) {
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan bool)
	k.stop = sync.OnceFunc(func() { cancel(); <-stopped })
	t.Cleanup(k.stop)
	go func() {
		defer close(stopped)
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			_ = log.Subscribe(ctx, after, func(e hub.Entry) {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.at, k.entries = e.Position, append(k.entries, e)
			})
			if at := k.last(); at.Epoch != "" {
				after = at
			}
			if last, forgotten, err := log.Bounds(ctx); err == nil && last.Epoch != after.Epoch {
				after = hub.Position{Epoch: last.Epoch, Seq: forgotten}
			}
		}
	}()
}

func (k *keeper) last() hub.Position {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

func (k *keeper) has(data string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.ContainsFunc(k.entries, func(e hub.Entry) bool { return e.Event.Data == data })
}
