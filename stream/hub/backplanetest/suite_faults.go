package backplanetest

import (
	"cmp"
	"context"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func (s Suite) nodes(t testing.TB) (nodes [2]*Node, traffic *Traffic) {
	for i := range nodes {
		nodes[i] = NewNode(t, hub.Config{Backplane: s.Open(t, t.Name())})
	}
	return nodes, NewTraffic(t, nodes[:]...)
}

// whole checks traffic without any loss.
func whole(t testing.TB, traffic *Traffic) {
	t.Helper()
	if missing, gaps := traffic.Check(); gaps != 0 {
		t.Errorf("%d gap events, %d events are missing; want none", gaps, missing)
	}
}

// killed: connections break while writers publish.
func (s Suite) killed(t testing.TB) {
	const writers, kills = 4, 20
	events := cmp.Or(s.Events, 2000)
	_, traffic := s.nodes(t)
	traffic.Publish(1)
	stop := traffic.Start(writers)
	killed, begun := 0, time.Now()
	// Count events, not time: a slow machine would publish nothing in between.
	for next := events / kills; traffic.Taken() < events; time.Sleep(time.Millisecond) {
		if traffic.Taken() >= next {
			killed += s.Kill(t, t.Name())
			next = traffic.Taken() + events/kills
			begun = time.Now()
		} else if time.Since(begun) > patience {
			t.Fatalf("no event is taken after %d connections were killed", killed)
		}
	}
	stop()
	whole(t, traffic)
	if killed < kills/2 {
		t.Errorf("%d connections killed: the run has tested nothing", killed)
	}
	failed := traffic.Failed()
	if s.Retries && failed > 0 {
		t.Errorf("Append failed %d times: it tries again, says the suite", failed)
	}
	t.Logf("%d connections killed; %d events taken, %d not", killed, traffic.Taken(), failed)
}

// paused: the server is there, and does not respond.
func (s Suite) paused(t testing.TB) {
	_, traffic := s.nodes(t)
	log := s.Open(t, t.Name())
	traffic.Publish(10)
	at, _ := bounds(t, log) // connects
	resume := s.Pause(t, t.Name())
	t.Cleanup(resume)
	// However long an operation takes to see that its context is done, it is less than
	// the pause, which does not end before the operation has.
	for name, do := range map[string]func(context.Context) error{
		"Append": func(ctx context.Context) error {
			_, err := traffic.by(func(e stream.Event, _ int64) (string, error) {
				at, err := log.Append(ctx, topic, e)
				if err != nil {
					return "", err
				}
				return at.String(), nil
			})
			return err
		},
		"Bounds":    func(ctx context.Context) error { _, _, err := log.Bounds(ctx); return err },
		"Subscribe": func(ctx context.Context) error { return log.Subscribe(ctx, at, func(hub.Entry) {}) },
	} {
		deadline, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		canceled, cancel := context.WithCancel(t.Context())
		time.AfterFunc(100*time.Millisecond, cancel)
		for _, ctx := range []context.Context{deadline, canceled} {
			ended := make(chan error, 1)
			go func() { ended <- do(ctx) }()
			if err := await(t, ended, name+" of a paused server ends with its context"); err == nil {
				t.Errorf("%s has an answer from a server that is paused", name)
			}
		}
	}
	// Meanwhile writers wait or get an error.
	stop := traffic.Start(2)
	time.Sleep(100 * time.Millisecond)
	resume()
	traffic.Publish(10)
	stop()
	whole(t, traffic)
	t.Logf("%d events taken, %d not", traffic.Taken(), traffic.Failed())
}

// restarted: the server crashes, and comes back with the data it had accepted.
func (s Suite) restarted(t testing.TB) {
	_, traffic := s.nodes(t)
	log := s.Open(t, t.Name())
	before, _ := bounds(t, log)
	traffic.Publish(10)
	stop := traffic.Start(2)
	s.Restart(t, t.Name())
	traffic.Publish(10)
	stop()
	whole(t, traffic)
	if after, _ := bounds(t, s.Open(t, t.Name())); after.Epoch != before.Epoch {
		t.Errorf("the epoch is %q, and was %q: nothing was lost", after.Epoch, before.Epoch)
	}
	t.Logf("%d events taken, %d not", traffic.Taken(), traffic.Failed())
}
