package nats_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func suite(urls string) backplanetest.Suite {
	return backplanetest.Suite{
		Open: func(t testing.TB, log string) hub.Backplane { return open(t, urls, log) },
		Forget: func(t testing.TB, log string) {
			s, err := connect(t, urls).Stream(t.Context(), nameOf(log))
			if err == nil {
				err = s.Purge(t.Context(), jetstream.WithPurgeKeep(1))
			}
			if err != nil {
				t.Fatal(err)
			}
		},
		Wipe: func(t testing.TB, log string) {
			if err := connect(t, urls).DeleteStream(t.Context(), nameOf(log)); err != nil {
				t.Fatal(err)
			}
		},
	}
}

func TestBackplane(t *testing.T) {
	t.Parallel()
	suite(start(t).ClientURL()).Run(t)
}

func TestBackplaneHistory(t *testing.T) {
	s := start(t)
	const events = 300
	for _, tt := range []struct {
		name        string
		cfg         nats.BackplaneConfig
		least, most uint64 // events kept
	}{
		{"default", nats.BackplaneConfig{}, events, events},
		{"count", nats.BackplaneConfig{MaxHistory: 50}, 50, 50},
		{"bytes", nats.BackplaneConfig{HistoryLimit: 10 * bytesize.KB}, 20, 60},
		{"off", nats.BackplaneConfig{MaxHistory: -1, HistoryLimit: -1}, events, events},
	} {
		log := nats.NewBackplane(connect(t, s.ClientURL()), tt.name, tt.cfg)
		for range events {
			if _, err := log.Append(t.Context(), "t", stream.Event{Data: strings.Repeat("x", 100)}); err != nil {
				t.Fatal(err)
			}
		}
		last, forgotten, err := log.Bounds(t.Context())
		if kept := last.Seq - forgotten; err != nil || last.Seq != events || kept < tt.least || kept > tt.most {
			t.Errorf("%s: %d of %d events are kept, %v; want %d to %d", tt.name, kept, last.Seq, err, tt.least, tt.most)
		}
	}

	// A process of a new release applies its settings to the existing log.
	changed := nats.BackplaneConfig{MaxHistory: 7, HistoryLimit: 9000, HistoryAge: time.Hour, Timeout: 3 * time.Minute}
	log := nats.NewBackplane(connect(t, s.ClientURL()), "default", changed)
	if _, _, err := log.Bounds(t.Context()); err != nil {
		t.Fatal(err)
	}
	info := infoOf(t, s.ClientURL(), "default")
	if c := info.Config; c.MaxMsgs != 7 || c.MaxBytes != 9000 || c.MaxAge != time.Hour || c.Duplicates != 6*time.Minute || !c.DenyDelete {
		t.Errorf("the stream has %+v", c)
	}
	if info.State.Msgs != 7 || info.State.LastSeq != events {
		t.Errorf("%d events are kept, the last is %d", info.State.Msgs, info.State.LastSeq)
	}
}

func infoOf(t testing.TB, urls, name string) *jetstream.StreamInfo {
	t.Helper()
	s, err := connect(t, urls).Stream(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo()
}

// Strings that would be wildcards or separators in a subject, or no valid subject, are
// topics like any other.
func TestBackplaneTopics(t *testing.T) {
	s := start(t)
	log := open(t, s.ClientURL(), "topics")
	topics := []string{
		"", " ", ".", "..", "a", "a.", ".a", "a.b", "a b", "*", ">", "a.*", "a.>", "a.b.>", "$JS.API.STREAM.DELETE.topics", "$SYS.>",
		"topics", "topics.x", "\x00", "\xff", "a\xffb", "a\r\nPUB x 0\r\n", "ü", "u\u0308", "日本", strings.Repeat("x", 100_000), strings.Repeat("x", 100_001),
	}
	for _, topic := range topics {
		if _, err := log.Append(t.Context(), topic, stream.Event{Data: topic}); err != nil {
			t.Fatalf("%.40q: %v", topic, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	i := 0
	err := log.Subscribe(ctx, hub.Position{}, func(e hub.Entry) {
		if e.Topic != topics[i] || e.Event.Data != topics[i] || e.Seq != uint64(i+1) {
			t.Errorf("topic %.40q with %.40q came where %.40q was due", e.Topic, e.Event.Data, topics[i])
		}
		if i++; i == len(topics) {
			cancel()
		}
	})
	if i != len(topics) {
		t.Errorf("%d of %d events came, %v", i, len(topics), err)
	}
	if c := infoOf(t, s.ClientURL(), "topics").Config; len(c.Subjects) != 1 || strings.ContainsAny(c.Subjects[0], "*> ") {
		t.Errorf("the stream has the subjects %q", c.Subjects)
	}
}

// A follower needs no position, and no log either.
func TestSubscribeWithoutLog(t *testing.T) {
	s := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	entries, ended := make(chan hub.Entry, 1), make(chan error, 1)
	reader := open(t, s.ClientURL(), "log")
	go func() { ended <- reader.Subscribe(ctx, hub.Position{}, func(e hub.Entry) { entries <- e }) }()
	js := connect(t, s.ClientURL())
	eventually(t, "it has made the log, and follows it", func() bool {
		log, err := js.Stream(t.Context(), "log")
		return err == nil && log.CachedInfo().State.Consumers == 1
	})
	at := appendTo(t, open(t, s.ClientURL(), "log"), "t", "x")
	select {
	case e := <-entries:
		if e.Position != at {
			t.Errorf("%v was delivered, and %v appended", e.Position, at)
		}
	case err := <-ended:
		t.Errorf("Subscribe = %v", err)
	}
}

// A lost reply does not tell whether the event is in the log.
func TestAppendOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := testkit.NewProxy(t, s.Addr().String())
	log := open(t, "nats://"+proxy.Addr, "log")
	other := open(t, s.ClientURL(), "log")
	for i := range 6 {
		if i > 0 { // the first makes the log
			proxy.Lose.Store(1)
		}
		if at, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err != nil || at.Seq != uint64(2*i+1) {
			t.Fatalf("appended as %v, %v; want number %d", at, err, 2*i+1)
		}
		if left := proxy.Lose.Load(); left != 0 {
			t.Fatal("no answer was lost: the test has tested nothing")
		}
		if _, err := other.Append(t.Context(), "t", stream.Event{Data: "y"}); err != nil {
			t.Fatal(err)
		}
	}
}

// The error after a timeout says that the event may be in the log; that of a refusal does
// not.
func TestAppendErrors(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := testkit.NewProxy(t, s.Addr().String())
	js := connect(t, "nats://"+proxy.Addr)
	log := nats.NewBackplane(js, "log", nats.BackplaneConfig{Timeout: time.Second})
	if _, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err != nil {
		t.Fatal(err)
	}

	proxy.Silent.Store(true)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if at, err := log.Append(ctx, "t", stream.Event{Data: "x"}); !errors.Is(err, nats.ErrUnknown) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no answer within the deadline of the context: %v, %v", at, err)
	}
	if at, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); !errors.Is(err, nats.ErrUnknown) {
		t.Errorf("no answer within the timeout: %v, %v", at, err)
	}
	proxy.Silent.Store(false)

	if at, err := log.Append(t.Context(), "t", stream.Event{Data: strings.Repeat("x", 2<<20)}); !errors.Is(err, natsgo.ErrMaxPayload) || errors.Is(err, nats.ErrUnknown) {
		t.Errorf("more than the server takes: %v, %v", at, err)
	}
	var answer *jetstream.APIError
	small := nats.NewBackplane(connect(t, s.ClientURL()), "small", nats.BackplaneConfig{HistoryLimit: 2 * bytesize.KB})
	if at, err := small.Append(t.Context(), "t", stream.Event{Data: strings.Repeat("x", 2<<10)}); !errors.As(err, &answer) || errors.Is(err, nats.ErrUnknown) {
		t.Errorf("more than the log takes: %v, %v", at, err)
	}

	proxy.Cut()
	eventually(t, "the connection is gone", func() bool { return !js.Conn().IsConnected() })
	if at, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err == nil || errors.Is(err, nats.ErrUnknown) {
		t.Errorf("without a connection: %v, %v", at, err)
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	if at, err := log.Append(done, "t", stream.Event{Data: "x"}); !errors.Is(err, context.Canceled) || errors.Is(err, nats.ErrUnknown) {
		t.Errorf("with a context that is done: %v, %v", at, err)
	}
}

// The log ends during an attempt. The event may have been delivered from that log, and
// must not be delivered again from the next.
func TestAppendAcrossLogs(t *testing.T) {
	s := start(t)
	proxy := testkit.NewProxy(t, s.Addr().String())
	log := open(t, "nats://"+proxy.Addr, "log")
	if _, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err != nil {
		t.Fatal(err)
	}
	proxy.Mute.Store(true)
	ended := make(chan error)
	go func() {
		_, err := log.Append(t.Context(), "t", stream.Event{Data: "y"})
		ended <- err
	}()
	eventually(t, "the event is there", func() bool { return infoOf(t, s.ClientURL(), "log").State.LastSeq == 2 })
	if err := connect(t, s.ClientURL()).DeleteStream(t.Context(), "log"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := open(t, s.ClientURL(), "log").Bounds(t.Context()); err != nil { // makes another
		t.Fatal(err)
	}
	proxy.Cut() // the reply to the first attempt
	proxy.Mute.Store(false)
	proxy.Restore()
	if err := <-ended; !errors.Is(err, nats.ErrUnknown) {
		t.Errorf("Append = %v", err)
	}
	if n := infoOf(t, s.ClientURL(), "log").State.LastSeq; n != 0 {
		t.Errorf("%d events in the log that has begun", n)
	}
	if at, err := log.Append(t.Context(), "t", stream.Event{Data: "z"}); err != nil || at.Seq != 1 {
		t.Errorf("the next is %v, %v", at, err)
	}
}

func TestBackplaneForeignStream(t *testing.T) {
	s := start(t)
	js := connect(t, s.ClientURL())
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "theirs", Subjects: []string{"theirs.*", "others"}}); err != nil {
		t.Fatal(err)
	}
	log := nats.NewBackplane(js, "theirs", nats.BackplaneConfig{})
	_, appendErr := log.Append(t.Context(), "t", stream.Event{Data: "x"})
	_, _, boundsErr := log.Bounds(t.Context())
	subscribeErr := log.Subscribe(t.Context(), hub.Position{}, func(hub.Entry) {})
	for _, err := range []error{appendErr, boundsErr, subscribeErr} {
		if err == nil || !strings.Contains(err.Error(), "not a log") {
			t.Errorf("a stream that something else has made: %v", err)
		}
	}
	if c := infoOf(t, s.ClientURL(), "theirs"); c.State.LastSeq != 0 || c.Config.MaxMsgs != -1 {
		t.Errorf("it was changed: %+v", c)
	}
}

func TestNewBackplanePanics(t *testing.T) {
	s := start(t)
	js := connect(t, s.ClientURL())
	buffered := connect(t, s.ClientURL(), natsgo.ReconnectBufSize(0))
	for name, construct := range map[string]func(){
		"no JetStream": func() { nats.NewBackplane(nil, "log", nats.BackplaneConfig{}) },
		"no name":      func() { nats.NewBackplane(js, "", nats.BackplaneConfig{}) },
		"a wildcard":   func() { nats.NewBackplane(js, "log.>", nats.BackplaneConfig{}) },
		"a buffer":     func() { nats.NewBackplane(buffered, "log", nats.BackplaneConfig{}) },
		"timeout":      func() { nats.NewBackplane(js, "log", nats.BackplaneConfig{Timeout: -1}) },
		"bytes":        func() { nats.NewBackplane(js, "log", nats.BackplaneConfig{HistoryLimit: 1}) },
		"age":          func() { nats.NewBackplane(js, "log", nats.BackplaneConfig{HistoryAge: time.Second}) },
		"replicas":     func() { nats.NewBackplane(js, "log", nats.BackplaneConfig{Replicas: 6}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			construct()
		}()
	}
}

func appendTo(t testing.TB, log hub.Backplane, topic, data string) hub.Position {
	t.Helper()
	at, err := log.Append(t.Context(), topic, stream.Event{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	return at
}
