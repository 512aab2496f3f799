package redis_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func TestBackplane(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		backplaneSuite(t, connector(miniredis.RunT(t).Addr())).Run(t)
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := start(t, "--appendonly", "yes", "--appendfsync", "always")
		suite := backplaneSuite(t, connector(s.addr))
		suite.Kill, suite.Pause, suite.Restart, suite.Retries = s.killConnections, s.pause, s.restart, true
		if *long {
			suite.Events = 100_000
		}
		suite.Run(t)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		backplaneSuite(t, startCluster(t, 1).connect).Run(t)
	})
}

func backplaneSuite(t *testing.T, connect connectFunc) backplanetest.Suite {
	admin := connect(t)
	key := func(log string) string { return strings.ReplaceAll(log, "/", ":") }
	return backplanetest.Suite{
		Open: func(t testing.TB, log string) hub.Backplane {
			return redis.NewBackplane(connect(t), key(log), redis.BackplaneConfig{})
		},
		Forget: func(t testing.TB, log string) { admin.XTrimMaxLen(t.Context(), key(log), 1) },
		Wipe:   func(t testing.TB, log string) { admin.Del(t.Context(), key(log)) },
	}
}

func TestBackplaneHistory(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		testHistory(t, miniredis.RunT(t).Addr())
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		testHistory(t, start(t).addr)
	})
}

func testHistory(t *testing.T, addr string) {
	const events = 300
	tests := []struct {
		name        string
		cfg         redis.BackplaneConfig
		size        func(i int) int // of event i
		least, most int             // events kept
		why         string
	}{
		{"default", redis.BackplaneConfig{}, func(int) int { return 10 }, events, events, "there is room"},
		{"count", redis.BackplaneConfig{MaxHistory: 50}, func(int) int { return 10 }, 50, 150, "Redis drops a node of 100 at once"},
		{"bytes", redis.BackplaneConfig{HistoryLimit: 10_000}, func(int) int { return 100 - 15 }, 80, 100, "15 bytes go to what is not data"},
		{"one that fills it", redis.BackplaneConfig{HistoryLimit: 10_000}, func(i int) int {
			if i == events-1 {
				return 20_000
			}
			return 10
		}, 1, 1, "the latest is kept whatever its size"},
		{"large and small", redis.BackplaneConfig{HistoryLimit: 10_000}, func(i int) int { return []int{5, 2000}[i%2] }, 7, 10, ""},
		{"off", redis.BackplaneConfig{MaxHistory: -1, HistoryLimit: -1}, func(int) int { return 10 }, events, events, ""},
	}
	for _, tt := range tests {
		log := redis.NewBackplane(connect(t, addr), tt.name, tt.cfg)
		for i := range events {
			if _, err := log.Append(t.Context(), "t", stream.Event{Data: strings.Repeat("x", tt.size(i))}); err != nil {
				t.Fatal(err)
			}
		}
		last, forgotten, err := log.Bounds(t.Context())
		kept := int(last.Seq - forgotten)
		if err != nil || last.Seq != events || kept < tt.least || kept > tt.most {
			t.Errorf("%s: %d of %d events are kept, %v; want %d to %d: %s", tt.name, kept, last.Seq, err, tt.least, tt.most, tt.why)
		}
	}
}

// A lost reply does not tell whether the event is in the log.
func TestAppendOnce(t *testing.T) {
	t.Run("miniredis", func(t *testing.T) { testAppendOnce(t, miniredis.RunT(t).Addr()) })
	t.Run("redis", func(t *testing.T) { testAppendOnce(t, start(t).addr) })
}

func testAppendOnce(t *testing.T, addr string) {
	proxy := testkit.NewProxy(t, addr)
	log := redis.NewBackplane(connect(t, proxy.Addr), "log", redis.BackplaneConfig{})
	other := redis.NewBackplane(connect(t, addr), "log", redis.BackplaneConfig{})
	for i := range 20 {
		if i > 0 { // the first connects, and loads the script
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

func TestConstructorsPanic(t *testing.T) {
	client := connect(t, "127.0.0.1:1")
	for name, construct := range map[string]func(){
		"no client":        func() { redis.NewBackplane(nil, "key", redis.BackplaneConfig{}) },
		"no key":           func() { redis.NewBackplane(client, "", redis.BackplaneConfig{}) },
		"no client, store": func() { redis.NewStore(nil, "prefix", redis.StoreConfig{}) },
		"no prefix":        func() { redis.NewStore(client, "", redis.StoreConfig{}) },
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
