package backplanetest

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A Node stands for one of several processes: a hub and a server, and one reader that
// connects to it like an EventSource. The reader reconnects with its last id, and keeps
// the events it receives.
type Node struct {
	Hub *hub.Hub // as configured for NewNode

	mu     sync.Mutex
	events []stream.Event
}

const topic = "t"

// keep is how many events a Node can replay: more than any run has.
const keep = 100_000

// NewNode starts a node, which ends with the test. The config needs a Backplane. Its
// MaxHistory defaults to 100,000, and without a Logger nothing is logged.
func NewNode(t testing.TB, cfg hub.Config) *Node {
	t.Helper()
	cfg.MaxHistory = cmp.Or(cfg.MaxHistory, keep)
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	n := &Node{Hub: hub.New(cfg)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = n.Hub.Serve(w, r, hub.Subscription{Topics: []string{topic}, History: keep})
	}))
	transport := new(http.Transport)
	ctx, cancel := context.WithCancel(context.Background())
	connected, left := make(chan bool, 1), make(chan bool)
	go func() {
		defer close(left)
		for id := ""; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			id = n.read(ctx, transport, server.URL, id, connected)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-left
		if err := n.Hub.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		server.Close()
	})
	// A stream opens after its hub has caught up with the log.
	await(t, connected, "the reader of a node is connected")
	return n
}

// read reads one stream to its end, and returns the last id.
func (n *Node) read(ctx context.Context, transport *http.Transport, url, lastEventID string, connected chan<- bool) string {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return lastEventID
	}
	r.Header.Set("Last-Event-ID", lastEventID)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return lastEventID
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		select {
		case connected <- true:
		default:
		}
	}
	reader := stream.NewReader(resp.Body)
	for e, err := range reader.All() {
		if err != nil {
			break
		}
		n.mu.Lock()
		n.events = append(n.events, e)
		n.mu.Unlock()
	}
	return cmp.Or(reader.LastEventID(), lastEventID)
}

// Received returns all events of the reader, gap events included.
func (n *Node) Received() []stream.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.events)
}

// Gaps returns how many gap events the reader received.
func (n *Node) Gaps() (gaps int) {
	for _, e := range n.Received() {
		if e.Name == hub.GapEvent {
			gaps++
		}
	}
	return gaps
}

// has reports whether the reader received the event with the id.
func (n *Node) has(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range slices.Backward(n.events) {
		if e.ID == id {
			return true
		}
	}
	return false
}

// await returns what comes from ch, and fails the test if nothing comes.
func await[T any](t testing.TB, ch <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("waited in vain until %s", what)
	}
	return v
}

// until waits until the condition holds, and fails the test if it never does.
func until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for begun := time.Now(); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > patience {
			t.Fatalf("waited in vain until %s", what)
		}
	}
}
