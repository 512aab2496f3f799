package backplanetest

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Traffic is events that writers publish through nodes during a fault, with what each
// writer was told. [Traffic.Check] compares that with what the readers of the nodes
// received.
type Traffic struct {
	t     testing.TB
	nodes []*Node
	next  atomic.Int64 // number that is the data of the next event
	taken atomic.Int64

	mu       sync.Mutex
	returned map[string]string // by data: the id that Publish returned, "" if it failed
}

// NewTraffic returns traffic through the nodes. It covers only events that it publishes.
func NewTraffic(t testing.TB, nodes ...*Node) *Traffic {
	return &Traffic{t: t, nodes: nodes, returned: make(map[string]string)}
}

// Publish publishes events through the nodes in turn, until that many succeeded. It fails
// the test if none succeeds for half a minute.
func (tr *Traffic) Publish(events int) {
	tr.t.Helper()
	for failing := time.Now(); events > 0; {
		if _, err := tr.one(tr.t.Context()); err == nil {
			events--
			failing = time.Now()
		} else if time.Since(failing) > patience {
			tr.t.Fatalf("no event was taken for %v: %v", patience, err)
		}
	}
}

// Start makes the given number of writers publish one event after another, until stop is
// called, which waits for them.
func (tr *Traffic) Start(writers int) (stop func()) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range writers {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				// Check judges the errors. Pause before the next event.
				if _, err := tr.one(context.Background()); err != nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	stop = sync.OnceFunc(func() { close(done); wg.Wait() })
	tr.t.Cleanup(stop)
	return stop
}

// one publishes one event. The nodes take turns.
func (tr *Traffic) one(ctx context.Context) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return tr.by(func(e stream.Event, n int64) (string, error) {
		return tr.nodes[int(n)%len(tr.nodes)].Hub.Publish(ctx, topic, e)
	})
}

// by publishes event n by a function, and notes what it returned.
func (tr *Traffic) by(publish func(e stream.Event, n int64) (id string, err error)) (id string, err error) {
	n := tr.next.Add(1)
	data := strconv.FormatInt(n, 10)
	id, err = publish(stream.Event{Data: data}, n)
	tr.mu.Lock()
	tr.returned[data] = id
	tr.mu.Unlock()
	if err == nil {
		tr.taken.Add(1)
	}
	return id, err
}

// Taken returns how many events were published without an error so far.
func (tr *Traffic) Taken() int { return int(tr.taken.Load()) }

// Failed returns how many publications returned an error so far. Each event may still be
// in the log.
func (tr *Traffic) Failed() (failed int) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	for _, id := range tr.returned {
		if id == "" {
			failed++
		}
	}
	return failed
}

// Check publishes one more event, waits until all readers have it, and fails the test
// unless each reader received
//
//   - every event that was published without an error, under the id that its writer got,
//     except those that a gap event stands for;
//   - no event twice, including those whose writer got an error;
//   - events in the order of their numbers, and without a hole in the numbers unless
//     there is a gap event.
//
// It returns how many published events are missing, and how many gap events came, at the
// reader with the most. Call it when the writers have stopped.
func (tr *Traffic) Check() (missing, gaps int) {
	tr.t.Helper()
	var last string
	for begun, err := time.Now(), error(nil); last == ""; {
		if last, err = tr.one(tr.t.Context()); err != nil && time.Since(begun) > patience {
			tr.t.Fatalf("the last event is not taken: %v", err)
		}
	}
	tr.mu.Lock()
	returned := maps.Clone(tr.returned)
	tr.mu.Unlock()
	for i, n := range tr.nodes {
		until(tr.t, "the last event is there", func() bool { return n.has(last) })
		lacks, holes := audit(tr.t, i, n.Received(), returned)
		missing, gaps = max(missing, lacks), max(gaps, holes)
	}
	return missing, gaps
}

// audit compares what the reader of a node received with what the writers were told.
func audit(t testing.TB, node int, received []stream.Event, returned map[string]string) (missing, gaps int) {
	t.Helper()
	came := make(map[string]bool)
	epoch, seq, open := "", uint64(0), false // open: a gap event stands for what is missing here
	ended := make(map[string]bool)
	for i, e := range received {
		if e.Name == hub.GapEvent {
			gaps, open = gaps+1, true
			continue
		}
		of, number, _ := strings.Cut(e.ID, "-")
		n, err := strconv.ParseUint(number, 10, 64)
		id, known := returned[e.Data]
		switch {
		case err != nil || of == epoch && n <= seq || ended[of]:
			t.Errorf("node %d, event %d: id %q after %s-%d", node, i, e.ID, epoch, seq)
		case epoch != "" && !open && (of != epoch || n != seq+1):
			t.Errorf("node %d, event %d: id %q after %s-%d without a gap event", node, i, e.ID, epoch, seq)
		case !known:
			t.Errorf("node %d, event %d: nothing like %q was published", node, i, e.Data)
		case came[e.Data]:
			t.Errorf("node %d, event %d: %q came before", node, i, e.Data)
		case id != "" && id != e.ID:
			t.Errorf("node %d, event %d: %q has the id %q, and its writer was told %q", node, i, e.Data, e.ID, id)
		}
		if of != epoch {
			ended[epoch] = true
		}
		came[e.Data] = true
		epoch, seq, open = of, n, false
	}
	for data, id := range returned {
		if id != "" && !came[data] {
			missing++
			if gaps == 0 {
				t.Errorf("node %d: event %q, %q, did not come, and no gap event", node, data, id)
			}
		}
	}
	return missing, gaps
}
