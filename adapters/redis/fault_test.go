package redis_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Connections break all the time; nothing is lost by that, and nothing comes
// twice.
func TestKilledConnections(t *testing.T) {
	const events, publishers, every = 20_000, 4, 200
	s := start(t)
	nodes := []*node{open(t, s.addr, "log"), open(t, s.addr, "log")}

	// Each time that so many events are out all connections are killed. Were it
	// each time that so much time has passed, a slow machine would not get to
	// publish in between.
	var published atomic.Int64
	var kills int
	killer := make(chan bool)
	done := make(chan bool)
	go func() {
		defer close(killer)
		admin := connect(t, s.addr)
		for next := int64(every); next < events; time.Sleep(time.Millisecond) {
			select {
			case <-done:
				return
			default:
			}
			if published.Load() < next {
				continue
			}
			next += every
			for _, kind := range []string{"pubsub", "normal"} {
				n, _ := admin.Do(t.Context(), "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes").Int()
				kills += n
			}
		}
	}()
	var wg sync.WaitGroup
	begun := time.Now()
	for p := range publishers {
		wg.Go(func() {
			const each = events / publishers
			for i := p * each; i < (p+1)*each; i++ {
				nodes[p%2].publish(t, i, i+1)
				published.Add(1)
			}
		})
	}
	wg.Wait()
	took := time.Since(begun)
	close(done)
	<-killer
	for i, n := range nodes {
		eventually(t, fmt.Sprintf("node %d has all events, it has %d", i, n.count()), func() bool { return n.count() >= events })
		if gaps := n.audit(t); gaps != 0 || n.count() != events {
			t.Errorf("node %d: %d of %d events, %d gaps", i, n.count(), events, gaps)
		}
		t.Logf("node %d: %d/%d in order, none twice, %d records in the log", i, n.count(), events, len(n.log.Records()))
	}
	if kills < 10 {
		t.Errorf("%d connections killed: the test has tested nothing", kills)
	}
	t.Logf("%d connections killed in %v", kills, took)
}

func TestRestart(t *testing.T) {
	tests := []struct {
		name    string
		args    []string
		between func(t *testing.T, s *server, nodes []*node) // while all nodes have the first 100 events
		gaps    int
		why     string
	}{
		{"with data", []string{"--appendonly", "yes", "--appendfsync", "always"}, nil,
			0, "the log goes on"},
		{"without data", nil, nil,
			1, "there may have been events nobody knows of"},
		{"with a part of the data", []string{"--appendonly", "no"}, func(t *testing.T, s *server, nodes []*node) {
			s.do("SAVE")
			nodes[0].publish(t, 100, 110)
			for _, n := range nodes {
				eventually(t, "all have what will be lost", func() bool { return n.count() == 110 })
			}
		}, 1, "the numbers of the lost events would be given out a second time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tt.args...)
			nodes := []*node{open(t, s.addr, "log"), open(t, s.addr, "log")}
			nodes[0].publish(t, 0, 100)
			for _, n := range nodes {
				eventually(t, "the first events are there", func() bool { return n.count() == 100 })
			}
			if tt.between != nil {
				tt.between(t, s, nodes)
			}
			s.kill()
			s.start()
			before := nodes[1].count()
			nodes[1].publish(t, 1000, 1100)
			for i, n := range nodes {
				eventually(t, "the events after the restart are there", func() bool { return n.count() >= before+100 })
				if gaps := n.audit(t); gaps != tt.gaps || n.count() != before+100 {
					t.Errorf("node %d: %d events and %d gaps, want %d and %d: %s", i, n.count(), gaps, before+100, tt.gaps, tt.why)
				}
			}
			t.Logf("%d/%d events, %d gaps", nodes[0].count(), before+100, tt.gaps)
		})
	}
}

// A replica takes over that lacks the last events: those who have them are told
// that something is missing, and so is everybody else.
func TestFailOver(t *testing.T) {
	first, second := start(t, "--repl-diskless-sync-delay", "0"), start(t)
	host, port, _ := strings.Cut(first.addr, ":")
	second.do("REPLICAOF", host, port)
	proxy := newProxy(t, first.addr)
	nodes := []*node{open(t, proxy.addr, "log"), open(t, proxy.addr, "log")}
	nodes[0].publish(t, 0, 100)
	first.do("WAIT", 1, 0)
	second.do("REPLICAOF", "NO", "ONE")
	nodes[0].publish(t, 100, 105)
	for _, n := range nodes {
		eventually(t, "the events are there", func() bool { return n.count() == 105 })
	}
	proxy.to.Store(second.addr)
	proxy.cut()
	proxy.restore()
	for _, n := range nodes {
		eventually(t, "the reader is told", func() bool { return n.audit(t) == 1 })
	}
	nodes[1].publish(t, 105, 205)
	for i, n := range nodes {
		eventually(t, "the events after it are there", func() bool { return n.count() >= 205 })
		if gaps := n.audit(t); gaps != 1 || n.count() != 205 {
			t.Errorf("node %d: %d events and %d gaps, want 205 and one", i, n.count(), gaps)
		}
	}
	t.Logf("205/205 in order, none twice, one gap")
}

// By then others may have used the numbers of what is missing.
func TestForkedLog(t *testing.T) {
	s := start(t)
	n := open(t, s.addr, "log")
	n.publish(t, 0, 5)
	eventually(t, "the events are there", func() bool { return n.count() == 5 })
	old := n.received()[4].ID

	// Another log with the same epoch, in which number 5 is another event.
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
	s.do("CLIENT", "KILL", "TYPE", "pubsub") // a fail-over ends all connections
	eventually(t, "the reader is told", func() bool { return n.audit(t) == 1 })
	n.publish(t, 5, 6)
	eventually(t, "the next event is there", func() bool { return n.count() == 6 })
	last := n.received()
	if epoch, _, _ := strings.Cut(old, "-"); strings.HasPrefix(last[len(last)-1].ID, epoch) {
		t.Errorf("the id after the loss is %q, the one before %q: of the same epoch", last[len(last)-1].ID, old)
	}
}

func TestPausedServer(t *testing.T) {
	t.Parallel()
	const pause, bound = 5 * time.Second, time.Second
	s := start(t)
	nodes := []*node{open(t, s.addr, "log"), open(t, s.addr, "log")}
	nodes[0].publish(t, 0, 10)
	client := goredis.NewClient(&goredis.Options{Addr: s.addr, ReadTimeout: 200 * time.Millisecond})
	defer client.Close()
	impatient := redis.NewBackplane(client, "log", redis.BackplaneConfig{})
	if _, _, err := impatient.Bounds(t.Context()); err != nil { // connects
		t.Fatal(err)
	}

	begun := time.Now()
	s.signal(syscall.SIGSTOP)
	time.AfterFunc(pause, func() { s.signal(syscall.SIGCONT) })
	ctx, cancel := context.WithTimeout(t.Context(), bound)
	defer cancel()
	_, err := nodes[0].hub.Publish(ctx, topic, stream.Event{Data: "during"})
	took := time.Since(begun)
	t.Logf("publishing to the paused server with a deadline of %v: %v after %v", bound, err, took.Round(time.Millisecond))
	if err == nil || took > pause-time.Second {
		t.Errorf("Publish = %v after %v, want an error after %v", err, took, bound)
	}
	if at, err := impatient.Append(t.Context(), topic, stream.Event{Data: "impatient"}); err == nil {
		t.Errorf("Append = %v although the server is paused", at)
	}
	time.Sleep(time.Until(begun.Add(pause)))

	nodes[1].publish(t, 10, 20)
	for i, n := range nodes {
		// These two were told that nobody knows: it is there once or not at all.
		during := func() (n int) {
			for _, e := range nodes[i].received() {
				if e.Data == "during" || e.Data == "impatient" {
					n++
				}
			}
			return n
		}
		eventually(t, "all events are there", func() bool { return n.count()-during() >= 20 })
		if gaps := n.audit(t); gaps != 0 || n.count()-during() != 20 {
			t.Errorf("node %d: %d events, %d gaps", i, n.count(), gaps)
		}
		t.Logf("node %d: 20/20 in order, none twice, and %d of unknown fate", i, during())
	}
}

// A hub that cannot reach its log refuses readers, so that they go elsewhere.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.signal(syscall.SIGSTOP)
	defer s.signal(syscall.SIGCONT)
	h := hub.New(hub.Config{Backplane: redis.NewBackplane(connect(t, s.addr), "log", redis.BackplaneConfig{}), Logger: new(testkit.Log).Logger()})
	defer h.Shutdown(context.Background())
	w := httptest.NewRecorder()
	if err := h.Serve(w, httptest.NewRequest("GET", "/", nil), hub.Subscription{Topics: []string{topic}, History: 50_000}); err == nil || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("%d, %v; want 503 with Retry-After", w.Code, err)
	}
}

func TestOutOfMemory(t *testing.T) {
	s := start(t)
	n := open(t, s.addr, "log")
	n.publish(t, 0, 10)
	s.do("CONFIG", "SET", "maxmemory", "1")
	for range 3 {
		_, err := n.hub.Publish(t.Context(), topic, stream.Event{Data: "too much"})
		if err == nil || !strings.Contains(err.Error(), "OOM") {
			t.Errorf("Publish = %v, want the answer of the server", err)
		}
	}
	s.do("CONFIG", "SET", "maxmemory", "0")
	n.publish(t, 10, 20)
	eventually(t, "the events are there", func() bool { return n.count() >= 20 })
	if gaps := n.audit(t); gaps != 0 || n.count() != 20 {
		t.Errorf("%d events and %d gaps, want 20 and none", n.count(), gaps)
	}
	if id := n.received()[19].ID; !strings.HasSuffix(id, "-20") {
		t.Errorf("the 20th event has the id %q: what was refused has taken a number", id)
	}
}

// What others put into the stream or the channel stops nobody.
func TestForeignEntries(t *testing.T) {
	s := start(t)
	n := open(t, s.addr, "log")
	for _, garbage := range []string{"", " ", "x", "1-", "-1 ", "3-x y", "99999999999999999999-1 "} {
		s.do("PUBLISH", "log", garbage)
	}
	n.publish(t, 0, 3)
	eventually(t, "the events are there", func() bool { return n.count() == 3 })
	if gaps := n.audit(t); gaps != 0 {
		t.Errorf("%d gaps, want none", gaps)
	}
	last, _, err := redis.NewBackplane(connect(t, s.addr), "log", redis.BackplaneConfig{}).Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	epoch, _ := strconv.ParseUint(last.Epoch, 36, 64)
	s.do("XADD", "log", fmt.Sprintf("4-%d", epoch), "field", "1000")
	s.do("XADD", "log", fmt.Sprintf("5-%d", epoch), "b", "1000", "e", "of another format")
	n.publish(t, 3, 6)
	eventually(t, "the next events are there", func() bool { return n.count() == 6 })
	if gaps := n.audit(t); gaps == 0 {
		t.Error("entries that nobody could read passed without a gap")
	}
}

// Trimming is not silent.
func TestTrimmed(t *testing.T) {
	s := start(t)
	n := open(t, s.addr, "log")
	n.publish(t, 0, 3)
	eventually(t, "the events are there", func() bool { return n.count() == 3 })
	proxy := newProxy(t, s.addr)
	slow := open(t, proxy.addr, "log")
	proxy.cut()
	n.publish(t, 3, 500)
	s.do("XTRIM", "log", "MAXLEN", "100")
	proxy.restore()
	eventually(t, "the last event is there", func() bool { return slow.count() >= 100 })
	if gaps := slow.audit(t); gaps != 1 {
		t.Errorf("%d gaps, want one", gaps)
	}
}

func TestSlowNetwork(t *testing.T) {
	t.Parallel()
	const events = 2000
	s := start(t)
	proxy := newProxy(t, s.addr)
	proxy.delay.Store(int64(20 * time.Millisecond))
	near, far := open(t, s.addr, "log"), open(t, proxy.addr, "log")
	var wg sync.WaitGroup
	var worst atomic.Int64
	for p := range 8 {
		wg.Go(func() {
			const each = events / 8
			for i := p * each; i < (p+1)*each; i++ {
				begun := time.Now()
				[]*node{near, far}[p%2].publish(t, i, i+1)
				for took := int64(time.Since(begun)); ; {
					if old := worst.Load(); old >= took || worst.CompareAndSwap(old, took) {
						break
					}
				}
			}
		})
	}
	wg.Wait()
	for _, n := range []*node{near, far} {
		eventually(t, "all events are there", func() bool { return n.count() >= events })
		if gaps := n.audit(t); gaps != 0 || n.count() != events {
			t.Errorf("%d events and %d gaps, want %d and none", n.count(), gaps, events)
		}
	}
	t.Logf("%d/%d events on both sides of 20 ms each way; slowest publish %v", events, events, time.Duration(worst.Load()).Round(time.Millisecond))
}

// A network that passes nothing on breaks no connection either.
func TestSilentNetwork(t *testing.T) {
	t.Parallel()
	s := start(t)
	proxy := newProxy(t, s.addr)
	near, far := open(t, s.addr, "log"), open(t, proxy.addr, "log")
	near.publish(t, 0, 10)
	eventually(t, "the events are there", func() bool { return far.count() == 10 })
	proxy.silent.Store(true)
	near.publish(t, 10, 20)
	eventually(t, "the silence is noticed", func() bool { return len(far.log.Records()) > 0 })
	proxy.silent.Store(false)
	eventually(t, "the rest is there", func() bool { return far.count() >= 20 })
	if gaps := far.audit(t); gaps != 0 || far.count() != 20 {
		t.Errorf("%d events and %d gaps, want 20 and none", far.count(), gaps)
	}
}
