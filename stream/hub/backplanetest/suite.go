package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A Suite tests an implementation of hub.Backplane against what the
// interface promises.
type Suite struct {
	// Open returns a connection of its own to the log with that name, which is
	// empty when it is opened first. It is closed with the test.
	Open func(t testing.TB, log string) hub.Backplane
	// Forget, if set, has the log drop all but its last entry.
	Forget func(t testing.TB, log string)
	// Wipe, if set, has the log lose everything, its numbers included.
	Wipe func(t testing.TB, log string)
}

// patience is how long the suite waits for what should come at once.
const patience = 30 * time.Second

// Run runs the tests, each on a log of its own.
func (s Suite) Run(t *testing.T) {
	t.Run("numbers", s.numbers)
	t.Run("fields", s.fields)
	t.Run("subscribe", s.subscribe)
	t.Run("one order", s.oneOrder)
	t.Run("context", s.context)
	t.Run("other epoch", s.otherEpoch)
	t.Run("hubs", s.hubs)
	t.Run("presence", s.presence)
	if s.Forget != nil {
		t.Run("forgotten", s.forgotten)
	}
	if s.Wipe != nil {
		t.Run("wiped", s.wiped)
		t.Run("hub of a wiped log", s.hubOfAWipedLog)
	}
}

// numbers: from 1, without holes, in one sequence over all topics.
func (s Suite) numbers(t *testing.T) {
	log := s.Open(t, t.Name())
	last, forgotten := bounds(t, log)
	if last.Seq != 0 || forgotten != 0 {
		t.Errorf("an empty log ends at %d and has forgotten up to %d", last.Seq, forgotten)
	}
	if n := len(last.Epoch); n < 1 || n > 32 {
		t.Errorf("epoch %q: want 1 to 32 letters and digits", last.Epoch)
	}
	for _, c := range last.Epoch {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z') {
			t.Errorf("epoch %q: want letters and digits", last.Epoch)
		}
	}
	for i := range 10 {
		at := appendTo(t, log, fmt.Sprintf("topic-%d", i%3), stream.Event{Data: "x"})
		if want := (hub.Position{Epoch: last.Epoch, Seq: uint64(i + 1)}); at != want {
			t.Errorf("Append = %v, want %v", at, want)
		}
	}
	if again, _ := bounds(t, s.Open(t, t.Name())); again.Epoch != last.Epoch || again.Seq != 10 {
		t.Errorf("another connection finds the end at %v, want %s-10", again, last.Epoch)
	}
}

// fields: what went in comes out.
func (s Suite) fields(t *testing.T) {
	log := s.Open(t, t.Name())
	topics := []string{"plain", "", "with space", "a:b/c*?[]{}", "日本", "\x00\xff\r\n"}
	events := []stream.Event{
		{Data: "x"},
		{Name: "named"},
		{Name: "named", Data: "line\nline\r\nline\r", Retry: 1500 * time.Millisecond, Comment: "a\nb"},
		{Data: "\x00\xff\xfe ünïcode \u2028 {}[]\"'\\"},
		{Retry: time.Nanosecond},
		{Comment: "only a comment"},
		{Data: string(make([]byte, 256<<10))},
	}
	var want []hub.Entry
	for i, event := range events {
		topic := topics[i%len(topics)]
		want = append(want, hub.Entry{Position: appendTo(t, log, topic, event), Topic: topic, Event: event})
	}
	got := follow(t, log, hub.Position{Epoch: want[0].Epoch}).take(len(want))
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("entry %d is %.200v, want %.200v", i+1, got[i], want[i])
		}
	}
}

// subscribe: what is there and then what is added, from any position on.
func (s Suite) subscribe(t *testing.T) {
	log := s.Open(t, t.Name())
	var at []hub.Position
	for range 5 {
		at = append(at, appendTo(t, log, "t", stream.Event{Data: "stored"}))
	}
	start := hub.Position{Epoch: at[0].Epoch}
	followers := map[int]*follower{0: follow(t, log, start), 3: follow(t, log, at[2]), 5: follow(t, log, at[4])}
	got := make(map[int][]hub.Entry)
	for after, f := range followers {
		got[after] = f.take(5 - after)
	}
	for range 5 {
		appendTo(t, log, "t", stream.Event{Data: "added"})
	}
	for after, f := range followers {
		for i, e := range append(got[after], f.take(5)...) {
			if want := uint64(after + i + 1); e.Seq != want {
				t.Errorf("after %d: entry %d came where %d was due", after, e.Seq, want)
			}
		}
		f.quiet()
	}
}

// oneOrder: whatever is appended where, everybody is given the same.
func (s Suite) oneOrder(t *testing.T) {
	const writers, each = 4, 50
	var logs [2]hub.Backplane
	for i := range logs {
		logs[i] = s.Open(t, t.Name())
	}
	epoch, _ := bounds(t, logs[0])
	followers := []*follower{follow(t, logs[0], epoch), follow(t, logs[1], epoch)}
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		where = make(map[hub.Position]string)
	)
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				data := fmt.Sprintf("%d/%d", w, i)
				at, err := logs[w%2].Append(t.Context(), fmt.Sprint(w), stream.Event{Data: data})
				mu.Lock()
				where[at] = data
				mu.Unlock()
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, f := range followers {
		for i, e := range f.take(writers * each) {
			if e.Seq != uint64(i+1) || e.Event.Data != where[e.Position] {
				t.Fatalf("entry %d is %v with %q; Append said %q", i+1, e.Position, e.Event.Data, where[e.Position])
			}
		}
		f.quiet()
	}
}

// context: Subscribe ends with its context, whatever it is doing.
func (s Suite) context(t *testing.T) {
	log := s.Open(t, t.Name())
	at := appendTo(t, log, "t", stream.Event{Data: "x"})
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := log.Append(done, "t", stream.Event{Data: "y"}); err == nil {
		t.Error("Append succeeds although its context is done")
	}
	for name, ctx := range map[string]context.Context{"before": done, "while it waits": t.Context()} {
		ctx, cancel := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- log.Subscribe(ctx, at, func(hub.Entry) {}) }()
		cancel()
		select {
		case err := <-ended:
			if !errors.Is(err, context.Canceled) {
				t.Errorf("cancelled %s: Subscribe = %v", name, err)
			}
		case <-time.After(patience):
			t.Fatalf("cancelled %s: Subscribe goes on", name)
		}
	}
}

// otherEpoch: an unknown position is the beginning.
func (s Suite) otherEpoch(t *testing.T) {
	log := s.Open(t, t.Name())
	for range 3 {
		appendTo(t, log, "t", stream.Event{Data: "x"})
	}
	if got := follow(t, log, hub.Position{Epoch: "0", Seq: 2}).take(3); len(got) == 3 && got[0].Seq != 1 {
		t.Errorf("begins with %d, want 1", got[0].Seq)
	}
}

// forgotten: the bounds say so, and a subscription from before begins with what
// is left.
func (s Suite) forgotten(t *testing.T) {
	log := s.Open(t, t.Name())
	first := appendTo(t, log, "t", stream.Event{Data: "x"})
	for range 9 {
		appendTo(t, log, "t", stream.Event{Data: "x"})
	}
	s.Forget(t, t.Name())
	if last, forgotten := bounds(t, log); last.Seq != 10 || forgotten != 9 {
		t.Errorf("Bounds = %d, %d; want 10, 9", last.Seq, forgotten)
	}
	if got := follow(t, log, first).take(1); len(got) == 1 && got[0].Seq != 10 {
		t.Errorf("begins with %d, want 10", got[0].Seq)
	}
	if at := appendTo(t, log, "t", stream.Event{Data: "x"}); at.Seq != 11 {
		t.Errorf("Append = %v, want number 11", at)
	}
}

// wiped: another epoch, for those who follow as well.
func (s Suite) wiped(t *testing.T) {
	log := s.Open(t, t.Name())
	before := appendTo(t, log, "t", stream.Event{Data: "x"})
	f := follow(t, log, hub.Position{Epoch: before.Epoch})
	f.take(1)
	s.Wipe(t, t.Name())
	after := appendTo(t, log, "t", stream.Event{Data: "y"})
	if after.Epoch == before.Epoch {
		t.Errorf("the epoch is %q as before", after.Epoch)
	}
	if got := f.take(1); len(got) == 1 && got[0].Position != after {
		t.Errorf("who follows is given %v, want %v", got[0].Position, after)
	}
}

// hubs: a client is served by one hub and then by another, and misses nothing.
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
	// A process that starts later knows what was published before.
	client.close()
	client = s.hub(t).connect(t, early)
	if e := client.next(); e.ID != ids[0] || e.Name != "" {
		t.Errorf("a hub made later replays %q %q from id %q, want id %q", e.Name, e.Data, e.ID, ids[0])
	}
}

// hubOfAWipedLog: those who listen are told of the gap, and then go on.
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

func appendTo(t testing.TB, log hub.Backplane, topic string, event stream.Event) hub.Position {
	t.Helper()
	at, err := log.Append(t.Context(), topic, event)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func bounds(t testing.TB, log hub.Backplane) (last hub.Position, forgotten uint64) {
	t.Helper()
	last, forgotten, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return last, forgotten
}

// A follower collects what Subscribe delivers.
type follower struct {
	t       testing.TB
	entries chan hub.Entry
}

func follow(t testing.TB, log hub.Backplane, after hub.Position) *follower {
	f := &follower{t, make(chan hub.Entry, 1000)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan bool)
	go func() {
		defer close(ended)
		err := log.Subscribe(ctx, after, func(e hub.Entry) { f.entries <- e })
		if ctx.Err() == nil {
			t.Errorf("Subscribe = %v", err)
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return f
}

func (f *follower) take(n int) (got []hub.Entry) {
	f.t.Helper()
	timeout := time.After(patience)
	for range n {
		select {
		case e := <-f.entries:
			got = append(got, e)
		case <-timeout:
			f.t.Errorf("%d of %d entries came", len(got), n)
			return got
		}
	}
	return got
}

// quiet fails if something was delivered that nobody has taken.
func (f *follower) quiet() {
	f.t.Helper()
	if n := len(f.entries); n > 0 {
		f.t.Errorf("%d entries too many", n)
	}
}

// A process is a hub behind a server.
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
