package backplanetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A Suite tests an implementation of hub.Backplane against the rules of the package
// comment. Only Open is required. Each other function enables some rules; without it they
// are not tested, and the log says so. The functions get the name of the log that a test
// is about, and may affect all logs.
type Suite struct {
	// Open returns a new connection to the log with that name, which is empty when first
	// opened. It is closed with the test.
	Open func(t testing.TB, log string) hub.Backplane
	// Forget makes the log drop all but its last entry.
	Forget func(t testing.TB, log string)
	// Wipe makes the log lose everything, its numbers included.
	Wipe func(t testing.TB, log string)

	// Kill breaks every connection to the log, and returns how many there were. Clients
	// may reconnect at once.
	Kill func(t testing.TB, log string) (killed int)
	// Pause stops the server from responding, with its connections open, until resume is
	// called, as after SIGSTOP. Resume is called twice.
	Pause func(t testing.TB, log string) (resume func())
	// Restart crashes the server and starts it again with all the data it had accepted.
	Restart func(t testing.TB, log string)

	// Retries says that Append retries if its connection breaks, so that Kill loses no
	// event. Without it, Append may return an error then.
	Retries bool
	// Events is how many events are appended while connections are killed; 0 is
	// 2,000.
	Events int
}

// patience is how long the suite waits for what should come at once.
const patience = 30 * time.Second

// A rule is one of the rules in the package comment.
type rule struct {
	name  string
	test  func(*testing.T)
	ready bool // the Suite has what it needs
}

func (s Suite) rules() []rule {
	tb := func(test func(testing.TB)) func(*testing.T) { return func(t *testing.T) { test(t) } }
	return []rule{
		{"numbers", s.numbers, true},
		{"fields", s.fields, true},
		{"subscribe", s.subscribe, true},
		{"one order", s.oneOrder, true},
		{"context", s.context, true},
		{"other epoch", s.otherEpoch, true},
		{"hubs", s.hubs, true},
		{"presence", s.presence, true},
		{"forgotten", s.forgotten, s.Forget != nil},
		{"wiped", tb(s.wiped), s.Wipe != nil},
		{"hub of a wiped log", s.hubOfAWipedLog, s.Wipe != nil},
		{"killed", tb(s.killed), s.Kill != nil},
		{"paused", tb(s.paused), s.Pause != nil},
		{"restarted", tb(s.restarted), s.Restart != nil},
	}
}

// Run runs the tests, each on its own log.
func (s Suite) Run(t *testing.T) {
	for _, r := range s.rules() {
		if r.ready {
			t.Run(r.name, r.test)
		} else {
			t.Logf("not tested, since the suite has no function for it: %s", r.name)
		}
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
		f.expectNoMore()
	}
}

// oneOrder: every Subscribe delivers the same sequence, whichever connection appends.
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
		f.expectNoMore()
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

// otherEpoch: an unknown position means the beginning.
func (s Suite) otherEpoch(t *testing.T) {
	log := s.Open(t, t.Name())
	for range 3 {
		appendTo(t, log, "t", stream.Event{Data: "x"})
	}
	if got := follow(t, log, hub.Position{Epoch: "0", Seq: 2}).take(3); len(got) == 3 && got[0].Seq != 1 {
		t.Errorf("begins with %d, want 1", got[0].Seq)
	}
}

// forgotten: Bounds reports it, and a Subscribe after an older position begins with what
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

// wiped: followers see the new epoch too, whether their Subscribe goes on or has to be
// called again.
func (s Suite) wiped(t testing.TB) {
	log := s.Open(t, t.Name())
	before := appendTo(t, log, "t", stream.Event{Data: "x"})
	f := &follower{t: t, again: true}
	f.follow(log, hub.Position{Epoch: before.Epoch})
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
	again   bool // Subscribe may return an error, and is then called again, as hubs do
	entries chan hub.Entry
}

func follow(t testing.TB, log hub.Backplane, after hub.Position) *follower {
	f := &follower{t: t}
	f.follow(log, after)
	return f
}

func (f *follower) follow(log hub.Backplane, after hub.Position) {
	f.entries = make(chan hub.Entry, 1000)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan bool)
	go func() {
		defer close(ended)
		for {
			err := log.Subscribe(ctx, after, func(e hub.Entry) {
				f.entries <- e
				after = e.Position
			})
			switch {
			case ctx.Err() != nil:
				return
			case !f.again:
				f.t.Errorf("Subscribe = %v", err)
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	f.t.Cleanup(func() { cancel(); <-ended })
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

// expectNoMore fails if there are deliveries that the test has not received.
func (f *follower) expectNoMore() {
	f.t.Helper()
	if n := len(f.entries); n > 0 {
		f.t.Errorf("%d entries too many", n)
	}
}
