package hub_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A sink is a client in the same process: a ResponseWriter that keeps what is flushed.
// While hold is locked, it does not read.
type sink struct {
	header http.Header
	status int
	hold   gate

	mu      sync.Mutex
	buf     bytes.Buffer
	flushed bytes.Buffer
	flushes int

	cancel context.CancelFunc
	done   chan struct{}
	err    error // of Serve
}

// A gate is a mutex on which synctest can see a goroutine block.
type gate chan bool

func (g gate) Lock()   { g <- true }
func (g gate) Unlock() { <-g }

func (s *sink) Header() http.Header    { return s.header }
func (s *sink) WriteHeader(status int) { s.status = status }

func (s *sink) Write(p []byte) (int, error) {
	s.hold.Lock()
	defer s.hold.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *sink) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flushes++
	s.buf.WriteTo(&s.flushed)
}

// listen subscribes a client until the end of the test.
func listen(t testing.TB, h *hub.Hub, sub hub.Subscription) *sink {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sink{header: make(http.Header), hold: make(gate, 1), cancel: cancel, done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	go func() {
		defer close(s.done)
		s.err = h.Serve(s, r, sub)
	}()
	t.Cleanup(s.leave)
	return s
}

func (s *sink) leave() {
	s.cancel()
	<-s.done
}

// text returns what has arrived, without the fields that every stream begins with.
func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.flushed.String()
	if strings.HasPrefix(text, "retry: ") {
		_, text, _ = strings.Cut(text, "\n")
	}
	if strings.HasPrefix(text, "id: ") {
		_, text, _ = strings.Cut(text, "\n")
	}
	return text
}

// events returns the events that have arrived, each as name:data, and the latest id, of
// an event or of one that has not come yet.
func (s *sink) events(t testing.TB) (events []string, lastEventID string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := stream.NewReader(strings.NewReader(s.flushed.String() + "\n"))
	for e, err := range r.All() {
		if err != nil {
			t.Fatal(err)
		}
		if e.Name != "" {
			e.Data = e.Name + ":" + e.Data
		}
		events = append(events, e.Data)
	}
	return events, r.LastEventID()
}

func (s *sink) expect(t testing.TB, want ...string) (lastEventID string) {
	t.Helper()
	got, id := s.events(t)
	if !slices.Equal(got, want) {
		t.Errorf("received %q, want %q", got, want)
	}
	return id
}

// publish publishes each word of data and returns the last id.
func publish(t testing.TB, h *hub.Hub, topic, data string) (id string) {
	t.Helper()
	for word := range strings.FieldsSeq(data) {
		var err error
		if id, err = h.Publish(t.Context(), topic, stream.Event{Data: word}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// discard is a client that only counts events.
type discard struct {
	header http.Header
	writes int
	events atomic.Int64
}

func (d *discard) WriteHeader(int) {}
func (d *discard) Flush()          {}

func (d *discard) Header() http.Header {
	if d.header == nil {
		d.header = make(http.Header)
	}
	return d.header
}

func (d *discard) Write(p []byte) (int, error) {
	d.writes++
	d.events.Add(int64(bytes.Count(p, []byte("data: "))))
	return len(p), nil
}
