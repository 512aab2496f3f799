package redis_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// open starts a node that reaches the server at the address.
func open(t testing.TB, addr string) *backplanetest.Node {
	return openLog(t, redis.NewBackplane(connect(t, addr), "log", redis.BackplaneConfig{}))
}

func openLog(t testing.TB, log *redis.Backplane) *backplanetest.Node {
	return backplanetest.NewNode(t, hub.Config{Backplane: log})
}

// check compares what the readers received with what they should have.
func check(t testing.TB, traffic *backplanetest.Traffic, wantGaps int, why string) {
	t.Helper()
	if missing, gaps := traffic.Check(); gaps != wantGaps || missing != 0 {
		t.Errorf("%d gap events and %d events missing, want %d and none: %s", gaps, missing, wantGaps, why)
	}
}

// The restart of backplanetest loses no data.
func TestBackplaneRestart(t *testing.T) {
	tests := []struct {
		name    string
		between func(s *server, traffic *backplanetest.Traffic)
		why     string
	}{
		{"without data", nil, "there may have been events that no process knows of"},
		{"with a part of the data", func(s *server, traffic *backplanetest.Traffic) {
			s.do("SAVE")
			traffic.Publish(10)
		}, "the numbers of the lost events would be given out a second time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			traffic := backplanetest.NewTraffic(t, open(t, s.addr), open(t, s.addr))
			traffic.Publish(100)
			if tt.between != nil {
				tt.between(s, traffic)
			}
			check(t, traffic, 0, "nothing has happened yet")
			s.restart(t, "")
			traffic.Publish(100)
			check(t, traffic, 1, tt.why)
		})
	}
}

// A replica without the last events takes over: every client receives a gap event.
func TestBackplaneFailOver(t *testing.T) {
	t.Parallel()
	first, second := start(t, "--repl-diskless-sync-delay", "0"), start(t)
	host, port, _ := net.SplitHostPort(first.addr)
	second.do("REPLICAOF", host, port)
	proxy := testkit.NewProxy(t, first.addr)
	traffic := backplanetest.NewTraffic(t, open(t, proxy.Addr), open(t, proxy.Addr))
	traffic.Publish(100)
	first.do("WAIT", 1, 0)
	second.do("REPLICAOF", "NO", "ONE")
	traffic.Publish(5)
	check(t, traffic, 0, "both have what will be lost")
	proxy.To.Store(second.addr)
	proxy.Cut()
	proxy.Restore()
	traffic.Publish(100)
	check(t, traffic, 1, "the numbers of the lost events would be given out a second time")
}

// By then others may have used the numbers of the lost events.
func TestBackplaneForkedLog(t *testing.T) {
	s := start(t)
	n := open(t, s.addr)
	traffic := backplanetest.NewTraffic(t, n)
	traffic.Publish(4)
	check(t, traffic, 0, "the events are there")

	// Another log with the same epoch, in which the last number is another event.
	admin := connect(t, s.addr)
	entries, err := admin.XRange(t.Context(), "log", "-", "+").Result()
	if err != nil {
		t.Fatal(err)
	}
	pipe := admin.TxPipeline()
	pipe.Del(t.Context(), "log")
	for i, e := range entries {
		event := e.Values["e"].(string)
		if i == len(entries)-1 {
			event = "another." + event[8:]
		}
		pipe.Do(t.Context(), "XADD", "log", e.ID, "b", e.Values["b"], "e", event)
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.do("CLIENT", "KILL", "TYPE", "pubsub") // a failover ends all connections
	eventually(t, "the reader is told", func() bool { return n.Gaps() == 1 })
	check(t, traffic, 1, "one log has taken the place of another")
	received := n.Received()
	if epoch, _, _ := strings.Cut(received[0].ID, "-"); strings.HasPrefix(received[len(received)-1].ID, epoch) {
		t.Errorf("the id after the loss is %q, the first %q: of the same epoch", received[len(received)-1].ID, received[0].ID)
	}
}

// An event that only its writer knows of is missed as well.
func TestBackplaneLostAppend(t *testing.T) {
	s := start(t)
	log := redis.NewBackplane(connect(t, s.addr), "log", redis.BackplaneConfig{})
	other := redis.NewBackplane(connect(t, s.addr), "log", redis.BackplaneConfig{})
	publish := func(log *redis.Backplane) hub.Position {
		t.Helper()
		at, err := log.Append(t.Context(), "t", stream.Event{Data: "x"})
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	first := publish(log)
	s.do("SAVE")
	lost := publish(log)
	s.restart(t, "")
	if again := publish(other); again != lost {
		t.Fatalf("the event after the loss is %v, and %v was lost: the test has tested nothing", again, lost)
	}
	if at := publish(log); at.Epoch == first.Epoch {
		t.Errorf("appended as %v: of the epoch that has lost %v", at, lost)
	}
}

// If a client gives up an attempt by itself, that may be carried out later: there must be
// no second one.
func TestAppendWithoutReply(t *testing.T) {
	s := start(t)
	proxy := testkit.NewProxy(t, s.addr)
	client := goredis.NewClient(&goredis.Options{Addr: proxy.Addr, ReadTimeout: 200 * time.Millisecond})
	defer client.Close()
	log := redis.NewBackplane(client, "log", redis.BackplaneConfig{})
	if _, _, err := log.Bounds(t.Context()); err != nil { // connects
		t.Fatal(err)
	}
	proxy.Silent.Store(true)
	if at, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err == nil {
		t.Errorf("Append = %v although there is no answer", at)
	}
	proxy.Silent.Store(false)
	eventually(t, "the attempt is carried out", func() bool {
		last, _, err := log.Bounds(t.Context())
		return err == nil && last.Seq == 1
	})
	if at, err := log.Append(t.Context(), "t", stream.Event{Data: "y"}); err != nil || at.Seq != 2 {
		t.Errorf("Append = %v, %v; want number 2", at, err)
	}
}

// A hub that cannot reach its log refuses clients, so that they try another.
func TestBackplaneUnreachable(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.signal(syscall.SIGSTOP)
	defer s.signal(syscall.SIGCONT)
	h := hub.New(hub.Config{Backplane: redis.NewBackplane(connect(t, s.addr), "log", redis.BackplaneConfig{}), Logger: new(testkit.Log).Logger()})
	defer h.Shutdown(context.Background())
	w := httptest.NewRecorder()
	if err := h.Serve(w, httptest.NewRequest("GET", "/", nil), hub.Subscription{Topics: []string{"t"}}); err == nil || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, %v; want 503 with Retry-After", w.Code, err)
	}
}

func TestBackplaneOutOfMemory(t *testing.T) {
	s := start(t)
	n := open(t, s.addr)
	traffic := backplanetest.NewTraffic(t, n)
	traffic.Publish(10)
	s.do("CONFIG", "SET", "maxmemory", "1")
	for range 3 {
		_, err := n.Hub.Publish(t.Context(), "t", stream.Event{Data: "too much"})
		if err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("Publish = %v, want the answer of the server", err)
		}
	}
	s.do("CONFIG", "SET", "maxmemory", "0")
	traffic.Publish(10)
	check(t, traffic, 0, "what was refused takes no number")
}

// Foreign data in the stream or the channel stops nothing.
func TestBackplaneForeignEntries(t *testing.T) {
	s := start(t)
	n := open(t, s.addr)
	traffic := backplanetest.NewTraffic(t, n)
	for _, garbage := range []string{"", " ", "x", "1-", "-1 ", "3-x y", "99999999999999999999-1 "} {
		s.do("PUBLISH", "log", garbage)
	}
	traffic.Publish(3)
	check(t, traffic, 0, "the garbage is in no stream") // publishes one more
	last, _, err := redis.NewBackplane(connect(t, s.addr), "log", redis.BackplaneConfig{}).Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	epoch, _ := strconv.ParseUint(last.Epoch, 36, 64)
	s.do("XADD", "log", fmt.Sprintf("%d-%d", last.Seq+1, epoch), "field", "1000")
	s.do("XADD", "log", fmt.Sprintf("%d-%d", last.Seq+2, epoch), "b", "1000", "e", "of another format")
	traffic.Publish(3)
	if missing, gaps := traffic.Check(); missing != 0 || gaps == 0 {
		t.Errorf("%d events are missing, %d gap events; want none, and to be told of entries that cannot be read", missing, gaps)
	}
}

// Clients are told of trimmed events.
func TestBackplaneTrimmed(t *testing.T) {
	s := start(t)
	proxy := testkit.NewProxy(t, s.addr)
	near, slow := open(t, s.addr), open(t, proxy.Addr)
	publish := func(events int) (id string) {
		for range events {
			var err error
			if id, err = near.Hub.Publish(t.Context(), "t", stream.Event{Data: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		return id
	}
	arrived := func(id string) {
		t.Helper()
		eventually(t, "the last event is there", func() bool {
			received := slow.Received()
			return len(received) > 0 && received[len(received)-1].ID == id
		})
	}
	arrived(publish(3))
	proxy.Cut()
	last := publish(500)
	s.do("XTRIM", "log", "MAXLEN", "100")
	proxy.Restore()
	arrived(last)
	if got, gaps := len(slow.Received()), slow.Gaps(); gaps != 1 || got != 3+1+100 {
		t.Errorf("%d events with %d gaps, want 3, one gap and 100", got, gaps)
	}
}

func TestBackplaneSlowNetwork(t *testing.T) {
	t.Parallel()
	events := 300
	if *long {
		events = 5000
	}
	s := start(t)
	proxy := testkit.NewProxy(t, s.addr)
	proxy.Delay.Store(int64(20 * time.Millisecond))
	traffic := backplanetest.NewTraffic(t, open(t, s.addr), open(t, proxy.Addr))
	stop := traffic.Start(8)
	eventually(t, "the events are taken", func() bool { return traffic.Taken() >= events })
	stop()
	check(t, traffic, 0, "20 ms each way are no fault")
	if failed := traffic.Failed(); failed != 0 {
		t.Errorf("%d events were not taken", failed)
	}
}

// A silent network breaks no connection. It shows in the Stats, and the connection is
// given up.
func TestBackplaneSilentNetwork(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := testkit.NewProxy(t, s.addr)
	log := redis.NewBackplane(connect(t, proxy.Addr), "log", redis.BackplaneConfig{})
	near, far := open(t, s.addr), openLog(t, log)
	traffic := backplanetest.NewTraffic(t, near, far)
	inStep := func(seq uint64) func() bool {
		return func() bool { s := log.Stats(); return s.Lag == 0 && s.LastSeq == seq }
	}
	traffic.Publish(10)
	eventually(t, "the far node is in step", inStep(10))
	if n := log.Stats().Reconnects; n != 0 {
		t.Errorf("%d reconnects before anything was lost", n)
	}
	proxy.Silent.Store(true)
	_, err := near.Hub.Publish(t.Context(), "other", stream.Event{Data: "x"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the silence shows", func() bool { return log.Stats().Lag > 0 })
	eventually(t, "the silence has lasted", func() bool { return log.Stats().Lag > 6*time.Second })
	proxy.Silent.Store(false)
	eventually(t, "the far node is in step again", inStep(11))
	if s := log.Stats(); s.Reconnects == 0 {
		t.Errorf("%+v, want a reconnect", s)
	}
}
