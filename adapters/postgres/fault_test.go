package postgres_test

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

var long = flag.Bool("long", false, "run the long form of tests")

// Connections break all the time; no event is lost or comes twice.
func TestBackplaneKilledConnections(t *testing.T) {
	t.Parallel()
	const publishers, every = 4, 200
	events := 2_000
	if *long {
		events = 20_000
	}
	s := database(t)
	nodes := []*node{open(t, s.addr, "log", postgres.BackplaneConfig{Timeout: patience}), open(t, s.addr, "log", postgres.BackplaneConfig{Timeout: patience})}

	// Count events, not time: a slow machine would publish nothing between two kills.
	var published atomic.Int64
	var kills int64
	killer := make(chan bool)
	done := make(chan bool)
	go func() {
		defer close(killer)
		for next := int64(every); next < int64(events); time.Sleep(time.Millisecond) {
			select {
			case <-done:
				return
			default:
			}
			if published.Load() < next {
				continue
			}
			next += every
			kills += s.exec(t, `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and usename = 'apiece'`)
		}
	}()
	var wg sync.WaitGroup
	begun := time.Now()
	each := events / publishers
	for p := range publishers {
		wg.Go(func() {
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
		stats := n.log.Stats()
		if stats.LastSeq != uint64(events) || stats.Reconnects == 0 {
			t.Errorf("node %d: %+v", i, stats)
		}
		t.Logf("node %d: %d/%d in order, none twice, %d reconnects, %d records", i, n.count(), events, stats.Reconnects, n.records.Len())
	}
	if kills < 10 {
		t.Errorf("%d connections killed: the test has tested nothing", kills)
	}
	t.Logf("%d connections killed in %v", kills, took)
}

// A lost reply does not tell whether the event is in the log.
func TestAppendOnce(t *testing.T) {
	s := database(t)
	proxy, addr := through(t, s.addr)
	log := postgres.NewBackplane(connect(t, addr), t.Name(), postgres.BackplaneConfig{Timeout: patience})
	other := postgres.NewBackplane(connect(t, s.addr), t.Name(), postgres.BackplaneConfig{Timeout: patience})
	for i := range 20 {
		if i > 0 { // the first prepares the statement
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

// TestServerRestart: the server crashes, and comes back. A log has lost nothing. A store is
// empty, and its numbers go on.
func TestServerRestart(t *testing.T) {
	t.Parallel()
	s := start(t, "") // with fsync
	var nodes []*node
	for _, cfg := range []postgres.BackplaneConfig{{}, {Poll: 10 * time.Millisecond}} {
		name := "poll " + cfg.Poll.String()
		nodes = append(nodes, open(t, s.addr, name, cfg), open(t, s.addr, name, cfg))
	}
	nodes[0].publish(t, 0, 100)
	nodes[2].publish(t, 0, 100)
	store := postgres.NewStore(connect(t, s.addr), "store", postgres.StoreConfig{})
	before := next(t, store)
	e := &cache.Entry{Key: "key", Number: before, Status: 200, Created: time.Now(), Lifetime: cache.Lifetime{TTL: time.Hour}}
	if err := store.Set(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	if err := store.Raise(t.Context(), next(t, store), "tag"); err != nil {
		t.Fatal(err)
	}

	s.restart(t)
	nodes[1].publish(t, 100, 200)
	nodes[3].publish(t, 100, 200)
	for i, n := range nodes {
		eventually(t, "all events are there", func() bool { return n.count() >= 200 })
		if gaps := n.audit(t); gaps != 0 || n.count() != 200 {
			t.Errorf("node %d: %d events and %d gaps, want 200 and none", i, n.count(), gaps)
		}
	}
	if e, err := store.Get(t.Context(), "key"); e != nil || err != nil {
		t.Errorf("Get = %v, %v; want nothing: part of what it depends on may be lost", e, err)
	}
	if latest, err := store.Latest(t.Context(), "another"); latest <= before || err != nil {
		t.Errorf("Latest = %d, %v; what was made at %d passes for valid", latest, err, before)
	}
	if now := next(t, store); now <= before {
		t.Errorf("number %d after %d", now, before)
	}
}

// A copy without the last events takes over, as a replica or a backup may: every client
// receives a gap event. By then others may have used the numbers of the lost events.
func TestBackplaneFailOver(t *testing.T) {
	t.Parallel()
	for _, ahead := range []int{0, 10} {
		t.Run(fmt.Sprintf("%d events later", ahead), func(t *testing.T) {
			t.Parallel()
			s := database(t)
			proxy, addr := through(t, s.addr)
			nodes := []*node{open(t, addr, "log", postgres.BackplaneConfig{}), open(t, addr, "log", postgres.BackplaneConfig{})}
			nodes[0].publish(t, 0, 100)
			for _, n := range nodes {
				eventually(t, "the first events are there", func() bool { return n.count() == 100 })
			}
			s.exec(t, `create table apiece_log_copy as table apiece_log`)
			nodes[0].publish(t, 100, 105)
			for _, n := range nodes {
				eventually(t, "the events are there", func() bool { return n.count() == 105 })
			}
			proxy.Cut()
			eventually(t, "all have left", func() bool {
				return s.exec(t, `select from pg_stat_activity where datname = current_database() and usename = 'apiece'`) == 0
			})
			s.exec(t, `delete from apiece_event where seq > 100`)
			s.exec(t, `update apiece_log l set last = c.last, bytes = c.bytes from apiece_log_copy c`)
			stranger := postgres.NewBackplane(connect(t, s.addr), "log", postgres.BackplaneConfig{})
			for range ahead {
				if _, err := stranger.Append(t.Context(), "another", stream.Event{Data: "x"}); err != nil {
					t.Fatal(err)
				}
			}
			proxy.Restore()
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
		})
	}
}

func TestBackplanePausedServer(t *testing.T) {
	t.Parallel()
	const timeout = 500 * time.Millisecond
	s := start(t, "", "-c", "fsync=off")
	cfg := postgres.BackplaneConfig{Timeout: timeout}
	nodes := []*node{open(t, s.addr, "log", cfg), open(t, s.addr, "log", cfg)}
	for i := range 10 { // a busy machine may be slow
		eventually(t, "the server answers", func() bool {
			_, err := nodes[0].hub.Publish(t.Context(), topic, stream.Event{Data: fmt.Sprint(i)})
			return err == nil
		})
	}
	s.signal(syscall.SIGSTOP)
	if _, err := nodes[0].hub.Publish(t.Context(), topic, stream.Event{Data: "during"}); err == nil {
		t.Error("Publish has succeeded although the server is paused")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := nodes[1].log.Append(ctx, topic, stream.Event{Data: "impatient"}); err == nil {
		t.Error("Append has succeeded although the server is paused")
	}
	for _, n := range nodes {
		eventually(t, "the silence is noticed", func() bool { return n.log.Stats().Reconnects > 0 })
	}
	s.signal(syscall.SIGCONT)
	for i := 10; i < 20; i++ {
		eventually(t, "the server answers again", func() bool {
			_, err := nodes[1].hub.Publish(t.Context(), topic, stream.Event{Data: fmt.Sprint(i)})
			return err == nil
		})
	}
	for _, n := range nodes {
		eventually(t, "the last event is there", func() bool {
			return slices.ContainsFunc(n.received(), func(e stream.Event) bool { return e.Data == "19" })
		})
		if gaps := n.audit(t); gaps != 0 {
			t.Errorf("%d gaps", gaps)
		}
		data := make(map[string]bool)
		for _, e := range n.received() {
			data[e.Data] = true
		}
		for i := range 20 {
			if !data[fmt.Sprint(i)] {
				t.Errorf("event %d is missing", i)
			}
		}
	}
}

// A hub that cannot reach its log refuses clients, so that they try another.
func TestBackplaneUnreachable(t *testing.T) {
	t.Parallel()
	log := postgres.NewBackplane(dial(t, urlOf("127.0.0.1:1/apiece", "apiece")), "log", postgres.BackplaneConfig{})
	h := hub.New(hub.Config{Backplane: log, Logger: new(testkit.Log).Logger()})
	defer h.Shutdown(context.Background())
	w := httptest.NewRecorder()
	if err := h.Serve(w, httptest.NewRequest("GET", "/", nil), hub.Subscription{Topics: []string{topic}}); err == nil || w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d, %v; want 503", w.Code, err)
	}
}

// A full disk is an error, and loses no earlier data. In a small file system PostgreSQL
// runs out of room for a table, which is an error, or for its WAL, which stops it.
func TestServerDiskFull(t *testing.T) {
	t.Parallel()
	c := setup(t)
	if os.Getuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	small, err := os.MkdirTemp("", "apiece-full")
	if err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("size=72m,mode=0700,uid=%d,gid=%d", c.uid.Uid, c.uid.Gid)
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, options); err != nil {
		t.Skipf("no small file system can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(small, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
		os.Remove(small)
	})
	s := start(t, filepath.Join(small, "data"))
	log := postgres.NewBackplane(connect(t, s.addr), "log", postgres.BackplaneConfig{HistoryLimit: -1, Timeout: patience})
	ballast := filepath.Join(small, "ballast")
	acknowledged, refused := make(map[string]hub.Position), 0
	for i := range 200 {
		data := fmt.Sprintf("%d %s", i, strings.Repeat(fmt.Sprint("incompressible", i), 3000))
		if i == 100 {
			fill(t, ballast)
		}
		at, err := log.Append(t.Context(), "t", stream.Event{Data: data})
		if err == nil {
			acknowledged[data] = at
			continue
		}
		if refused++; refused == 1 {
			t.Logf("event %d: %v", i, err)
		}
		if refused > 3 {
			break
		}
	}
	if refused == 0 {
		t.Fatal("nothing was refused: the disk was not full")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	s.restart(t) // unless it has stopped by itself
	at, err := log.Append(t.Context(), "t", stream.Event{Data: "afterwards"})
	if err != nil {
		t.Fatal(err)
	}
	acknowledged["afterwards"] = at
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	next := uint64(0)
	err = log.Subscribe(ctx, hub.Position{Epoch: at.Epoch}, func(e hub.Entry) {
		if next++; e.Seq != next {
			t.Errorf("number %d comes where %d is due", e.Seq, next)
		}
		if acknowledged[e.Event.Data] != e.Position {
			t.Errorf("%v, %.20q, is in the log, and was refused", e.Position, e.Event.Data)
		}
		delete(acknowledged, e.Event.Data)
		if e.Position == at {
			cancel()
		}
	})
	if len(acknowledged) > 0 {
		t.Errorf("%d events are missing, %v", len(acknowledged), err)
	}
	t.Logf("%d events, all of them there; %d refused, none of them there", next, refused)
}

// fill leaves no room in a file system.
func fill(t *testing.T, name string) {
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size >= 1<<12; size /= 2 {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		err = nil
	}
}
