package stream_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// A sink is a client in the same process: a ResponseWriter that keeps what is
// flushed. While hold is locked, it does not read.
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

// A gate is a mutex that synctest can see somebody wait for.
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

// listen has a client subscribe. Its end is the end of the test.
func listen(t testing.TB, hub *stream.Hub, sub stream.Subscription) *sink {
	ctx, cancel := context.WithCancel(context.Background())
	s := &sink{header: make(http.Header), hold: make(gate, 1), cancel: cancel, done: make(chan struct{})}
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	go func() {
		defer close(s.done)
		s.err = hub.Serve(s, r, sub)
	}()
	t.Cleanup(s.leave)
	return s
}

func (s *sink) leave() {
	s.cancel()
	<-s.done
}

// text is what has arrived, without the block that every stream begins with.
func (s *sink) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	text := s.flushed.String()
	if strings.HasPrefix(text, "retry: ") {
		_, text, _ = strings.Cut(text, "\n")
	}
	if strings.HasPrefix(text, "id: ") {
		if position, rest, _ := strings.Cut(text, "\n\n"); !strings.Contains(position, "\n") {
			text = rest
		}
	}
	return text
}

// events are those that have arrived, each as name:data, and the id to come
// back with.
func (s *sink) events(t testing.TB) (events []string, lastEventID string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := stream.NewReader(bytes.NewReader(s.flushed.Bytes()))
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
func publish(t testing.TB, hub *stream.Hub, topic, data string) (id string) {
	t.Helper()
	for word := range strings.FieldsSeq(data) {
		var err error
		if id, err = hub.Publish(t.Context(), topic, stream.Event{Data: word}); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

func TestHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{})
		publish(t, hub, "a", "before")
		ab := listen(t, hub, stream.Subscription{Topics: []string{"a", "b", "a"}})
		b := listen(t, hub, stream.Subscription{Topics: []string{"b"}})
		synctest.Wait()
		publish(t, hub, "a", "1")
		publish(t, hub, "b", "2 3")
		id := publish(t, hub, "a", "4")
		publish(t, hub, "c", "nobody")
		synctest.Wait()
		if got := ab.expect(t, "1", "2", "3", "4"); got != id {
			t.Errorf("the last id received is %q, Publish returned %q", got, id)
		}
		b.expect(t, "2", "3")
		if ab.header.Get("Content-Type") != "text/event-stream" {
			t.Error("not an event stream")
		}
		ab.leave()
		publish(t, hub, "b", "5")
		synctest.Wait()
		b.expect(t, "2", "3", "5")
		b.leave()
		if ab.err != nil || b.err != nil {
			t.Errorf("Serve = %v and %v for clients that left", ab.err, b.err)
		}
		if got := hub.Stats(); got.Published != 7 || got.Delivered != 7 || got.Subscribers != 0 || got.Topics != 3 {
			t.Errorf("Stats = %+v", got)
		}
	})
}

func TestPublishErrors(t *testing.T) {
	hub := stream.NewHub(stream.HubConfig{})
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
		if id, err := hub.Publish(t.Context(), "a", tt.event); err == nil || id != "" || errors.As(err, &e) != tt.typed {
			t.Errorf("Publish(%+v) = %q, %v: %s", tt.event, id, err, tt.why)
		}
	}
	if hub.Stats().Published != 0 {
		t.Error("an event that was refused was published")
	}
}

func TestOneFlushForWhatIsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{})
		s := listen(t, hub, stream.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		s.hold.Lock()
		publish(t, hub, "a", "0")
		synctest.Wait() // it is stuck in a write
		before := s.flushes
		var want []string
		for i := range 60 {
			publish(t, hub, "a", fmt.Sprint(i+1))
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

func TestReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{History: 4})
		start := hub.LastEventID()
		first := publish(t, hub, "a", "a1")
		publish(t, hub, "b", "b2")
		publish(t, hub, "secret", "s3")
		publish(t, hub, "a", "a4")
		publish(t, hub, "b", "b5")
		gap := func(after string) string { return `gap:{"after":"` + after + `"}` }
		epoch, _, _ := strings.Cut(first, "-")
		for _, tt := range []struct {
			lastEventID string
			topics      string
			want        []string
			why         string
		}{
			{"", "a b", nil, "a first connection receives what comes"},
			{first, "a b", []string{"b2", "a4", "b5"}, "one order over all topics, and no other topic"},
			{start, "a b", []string{"a1", "b2", "a4", "b5"}, "from the very beginning"},
			{first, "a", []string{"a4"}, ""},
			{first, "c", nil, "a topic nothing was published to"},
			{epoch + "-5", "a b", nil, "it has everything"},
			{epoch + "-6", "a b", []string{gap(""), "a1", "b2", "a4", "b5"}, "not published yet: not our id"},
			{"other-3", "a b", []string{gap(""), "a1", "b2", "a4", "b5"}, "of another process"},
			{"garbage\"\\", "a", []string{gap(""), "a1", "a4"}, "clients send anything"},
			{epoch + "-99999999999999999999999", "a", []string{gap(""), "a1", "a4"}, "over 64 bits"},
		} {
			s := listen(t, hub, stream.Subscription{Topics: strings.Fields(tt.topics), LastEventID: tt.lastEventID})
			synctest.Wait()
			got, id := s.events(t)
			if !slices.Equal(got, tt.want) {
				t.Errorf("Last-Event-ID %q, topics %s: %q, want %q: %s", tt.lastEventID, tt.topics, got, tt.want, tt.why)
			}
			if id == "" {
				t.Errorf("Last-Event-ID %q: the client does not know where it is", tt.lastEventID)
			}
			s.leave()
		}

		// Now the first three of topic a are dropped.
		publish(t, hub, "a", "a6 a7 a8 a9 a10")
		for _, tt := range []struct {
			lastEventID string
			topics      string
			want        []string
			why         string
		}{
			{first, "a", []string{gap(first), "a7", "a8", "a9", "a10"}, "a4 and a6 are gone"},
			{first, "a b", []string{gap(first), "b2", "b5", "a7", "a8", "a9", "a10"}, "what is left is sent"},
			{first, "b", []string{"b2", "b5"}, "nothing of b is gone"},
			{epoch + "-6", "a", []string{"a7", "a8", "a9", "a10"}, "it was received before it was dropped"},
		} {
			s := listen(t, hub, stream.Subscription{Topics: strings.Fields(tt.topics), LastEventID: tt.lastEventID})
			synctest.Wait()
			if got, _ := s.events(t); !slices.Equal(got, tt.want) {
				t.Errorf("after trimming, Last-Event-ID %q, topics %s: %q, want %q: %s", tt.lastEventID, tt.topics, got, tt.want, tt.why)
			}
			s.leave()
		}
	})
}

func TestPolicies(t *testing.T) {
	key := func(e stream.Event) string { return e.Data[:1] }
	for _, tt := range []struct {
		policy stream.Policy
		behind string // published while it does not read, with room for 6
		want   []string
		err    bool
		why    string
	}{
		{stream.Disconnect, "a1 b1 a2 b2 a3 b3", []string{"x0", "a1", "b1", "a2", "b2", "a3", "b3"}, false, "it is behind, and nothing is lost"},
		{stream.Disconnect, "a1 b1 a2 b2 a3 b3 a4", []string{"x0"}, true, "a1 is lost"},
		{stream.DropOldest, "a1 b1 a2 b2 a3 b3", []string{"x0", "a1", "b1", "a2", "b2", "a3", "b3"}, false, ""},
		{stream.DropOldest, "a1 b1 a2 b2 a3 b3 a4", []string{"x0", "gap", "b1", "a2", "b2", "a3", "b3", "a4"}, false, ""},
		{stream.Coalesce, "a1 b1 a2 b2 c1 a3", []string{"x0", "b2", "c1", "a3"}, false, "the latest of each key, in its place"},
		{stream.Coalesce, "a1 b1 a2 b2 a3 b3 a4", []string{"x0", "gap", "b3", "a4"}, false, "too far behind even so"},
	} {
		synctest.Test(t, func(t *testing.T) {
			hub := stream.NewHub(stream.HubConfig{History: 6})
			s := listen(t, hub, stream.Subscription{Topics: []string{"t"}, Policy: tt.policy, Key: key})
			synctest.Wait()
			s.hold.Lock()
			at := publish(t, hub, "t", "x0")
			synctest.Wait()
			publish(t, hub, "t", tt.behind)
			s.hold.Unlock()
			synctest.Wait()
			want := slices.Clone(tt.want)
			if i := slices.Index(want, "gap"); i >= 0 {
				want[i] = `gap:{"after":"` + at + `"}`
			}
			s.expect(t, want...)
			select {
			case <-s.done:
				var gone interface{ ClientGone() bool }
				if !tt.err || !errors.As(s.err, &gone) {
					t.Errorf("%v, %s: the stream ended with %v", tt.policy, tt.behind, s.err)
				}
			default:
				if tt.err {
					t.Errorf("%v, %s: the stream goes on: %s", tt.policy, tt.behind, tt.why)
				}
			}
		})
	}
}

func TestHistoryBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{HistoryBytes: 100, HistoryAge: time.Minute})
		start := hub.LastEventID()
		replay := func() []string {
			s := listen(t, hub, stream.Subscription{Topics: []string{"t"}, LastEventID: start})
			synctest.Wait()
			got, _ := s.events(t)
			s.leave()
			if len(got) > 0 && strings.HasPrefix(got[0], "gap:") {
				got[0] = "gap"
			}
			return got
		}
		publish(t, hub, "t", "1 2") // 30 bytes each
		if got := replay(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("%q", got)
		}
		publish(t, hub, "t", "3 4")
		if got := replay(); len(got) >= 5 || !slices.Contains(got, "4") || got[0] != "gap" {
			t.Errorf("%q after more than the bytes allow", got)
		}
		big := strings.Repeat("x", 500)
		publish(t, hub, "t", big)
		if got := replay(); !slices.Equal(got, []string{"gap", big}) {
			t.Errorf("%.60q, want the latest event whatever its size", got)
		}
		time.Sleep(59 * time.Second)
		publish(t, hub, "t", "5")
		time.Sleep(2 * time.Second)
		if got := replay(); !slices.Equal(got, []string{"gap", "5"}) {
			t.Errorf("%.60q, want what is younger than a minute", got)
		}

		// A topic that nobody listens to is forgotten, and what it had counts as
		// missing for whoever comes back to it.
		time.Sleep(2 * time.Minute)
		publish(t, hub, "other", "6")
		if n := hub.Stats().Topics; n != 1 {
			t.Errorf("%d topics, want the other alone", n)
		}
		if got := replay(); !slices.Equal(got, []string{"gap"}) {
			t.Errorf("%.60q, want a gap", got)
		}
	})
}

func TestHubHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{Heartbeat: 10 * time.Second})
		s := listen(t, hub, stream.Subscription{Topics: []string{"a"}})
		synctest.Wait()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got := s.text(); got != ":\n\n" {
			t.Errorf("%q, want one heartbeat", got)
		}
		id := publish(t, hub, "b", "elsewhere")
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if got, want := s.text(), ":\n\nid: "+id+"\n\n"; got != want {
			t.Errorf("%q, want %q: it must not ask for what is no concern of it", got, want)
		}
		for range 5 {
			time.Sleep(7 * time.Second)
			publish(t, hub, "a", "x")
		}
		synctest.Wait()
		if n := strings.Count(s.text(), ":\n\n"); n != 1 {
			t.Errorf("%d heartbeats, want none while there is traffic", n-1)
		}
	})
}

func TestMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{MaxAge: 100 * time.Second})
		start := time.Now()
		var ended []time.Duration
		var mu sync.Mutex
		for range 50 {
			s := listen(t, hub, stream.Subscription{Topics: []string{"a"}})
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

func TestCaps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{MaxSubscribers: 3, MaxPerClient: 2})
		sub := func(client string) stream.Subscription {
			return stream.Subscription{Topics: []string{"a"}, Client: client}
		}
		ann := listen(t, hub, sub("ann"))
		listen(t, hub, sub("ann"))
		synctest.Wait()
		refused := func(client, why string) {
			s := listen(t, hub, sub(client))
			<-s.done
			var answered interface{ Answered() bool }
			if s.status != 503 || s.header.Get("Retry-After") == "" || !errors.As(s.err, &answered) {
				t.Errorf("%d, Retry-After %q, %v: %s", s.status, s.header.Get("Retry-After"), s.err, why)
			}
		}
		refused("ann", "two of hers are open")
		listen(t, hub, sub(""))
		synctest.Wait()
		refused("bob", "three are open")
		ann.leave()
		listen(t, hub, sub("ann"))
		synctest.Wait()
		if got := hub.Stats(); got.Subscribers != 3 || got.Refused != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func TestShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{})
		var all []*sink
		for range 20 {
			all = append(all, listen(t, hub, stream.Subscription{Topics: []string{"a"}}))
		}
		synctest.Wait()
		stuck := all[0]
		stuck.hold.Lock()
		publish(t, hub, "a", "1")
		synctest.Wait()
		publish(t, hub, "a", "2")
		ended := make(chan error)
		go func() { ended <- hub.Shutdown(t.Context()) }()
		synctest.Wait()
		select {
		case err := <-ended:
			t.Errorf("Shutdown returned %v before the last subscriber had left", err)
		default:
		}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := hub.Shutdown(short); err != context.DeadlineExceeded {
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
		if _, err := hub.Publish(t.Context(), "a", stream.Event{Data: "3"}); err != stream.ErrHubClosed {
			t.Errorf("Publish = %v", err)
		}
		late := listen(t, hub, stream.Subscription{Topics: []string{"a"}})
		<-late.done
		if late.status != 200 || late.err != nil {
			t.Errorf("a late subscription: %d, %v; want a stream that ends, so that an EventSource comes back", late.status, late.err)
		}
		if err := hub.Shutdown(t.Context()); err != nil {
			t.Errorf("a second Shutdown: %v", err)
		}
	})
}

func TestSubscriptionErrors(t *testing.T) {
	hub := stream.NewHub(stream.HubConfig{})
	for _, sub := range []stream.Subscription{
		{},
		{Topics: []string{"a"}, Policy: stream.Coalesce},
		{Topics: []string{"a"}, Policy: 9},
	} {
		s := listen(t, hub, sub)
		<-s.done
		if s.status != 500 || s.err == nil {
			t.Errorf("%+v: %d, %v; want a 500", sub, s.status, s.err)
		}
	}
}

func TestNewHubPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	stream.NewHub(stream.HubConfig{History: -1})
}

// discard is a client of which no more than the number of events is kept.
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

func TestManySubscribers(t *testing.T) {
	subscribers, events := 10_000, 20
	if testkit.Race {
		subscribers = 2000 // it does not allow more than 8128 goroutines
	}
	synctest.Test(t, func(t *testing.T) {
		hub := stream.NewHub(stream.HubConfig{})
		ctx, cancel := context.WithCancel(t.Context())
		clients := make([]discard, subscribers)
		var wg sync.WaitGroup
		for i := range clients {
			r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
			wg.Go(func() {
				if err := hub.Serve(&clients[i], r, stream.Subscription{Topics: []string{"t"}}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if n := hub.Stats().Subscribers; n != subscribers {
			t.Fatalf("%d subscribers, want %d", n, subscribers)
		}
		for i := range events {
			publish(t, hub, "t", fmt.Sprint(i))
		}
		synctest.Wait()
		for i := range clients {
			if n := clients[i].events.Load(); n != int64(events) {
				t.Fatalf("client %d received %d of %d", i, n, events)
			}
		}
		if n := hub.Stats().Delivered; n != uint64(subscribers*events) {
			t.Errorf("%d deliveries counted, want %d", n, subscribers*events)
		}
		cancel()
		wg.Wait()
		if n := hub.Stats().Subscribers; n != 0 {
			t.Errorf("%d subscribers left", n)
		}
	})
}
