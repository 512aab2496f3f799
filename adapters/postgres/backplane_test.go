package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

func TestBackplane(t *testing.T) {
	t.Run("prepared", func(t *testing.T) { testBackplane(t, postgres.BackplaneConfig{}) })
	// Conflicting transactions then fail, and are retried.
	t.Run("simple, serializable, poll", func(t *testing.T) {
		testBackplane(t, postgres.BackplaneConfig{Poll: 10 * time.Millisecond},
			"default_query_exec_mode=simple_protocol", "default_transaction_isolation=serializable")
	})
}

func testBackplane(t *testing.T, cfg postgres.BackplaneConfig, options ...string) {
	s := database(t)
	backplanetest.Suite{
		Open: func(t testing.TB, log string) hub.Backplane {
			return postgres.NewBackplane(connect(t, s.addr, options...), log, cfg)
		},
		Forget: func(t testing.TB, log string) {
			s.exec(t, `delete from apiece_event e using apiece_log l where l.name = $1 and e.epoch = l.epoch and seq < last`, log)
		},
		Wipe: func(t testing.TB, log string) { s.exec(t, `delete from apiece_log where name = $1`, log) },
	}.Run(t)
}

func TestConstructorsPanic(t *testing.T) {
	pool := dial(t, urlOf("127.0.0.1:1/apiece", "apiece"))
	for name, construct := range map[string]func(){
		"no pool":         func() { postgres.NewBackplane(nil, "log", postgres.BackplaneConfig{}) },
		"no name":         func() { postgres.NewBackplane(pool, "", postgres.BackplaneConfig{}) },
		"no pool, store":  func() { postgres.NewStore(nil, "store", postgres.StoreConfig{}) },
		"no name of ours": func() { postgres.NewStore(pool, "", postgres.StoreConfig{}) },
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

func TestBackplaneHistory(t *testing.T) {
	const events = 300
	tests := []struct {
		name        string
		cfg         postgres.BackplaneConfig
		size        func(i int) int // of event i
		least, most int             // events kept
		why         string
	}{
		{"default", postgres.BackplaneConfig{}, func(int) int { return 10 }, events, events, "there is room"},
		{"count", postgres.BackplaneConfig{MaxHistory: 50}, func(int) int { return 10 }, 50, 50, "the last is a hundredth"},
		{"bytes", postgres.BackplaneConfig{HistoryLimit: 10_000}, func(int) int { return 99 }, 100, 100, "and a byte for the topic"},
		{"one that fills it", postgres.BackplaneConfig{HistoryLimit: 10_000}, func(i int) int {
			if i == events-1 {
				return 20_000
			}
			return 10
		}, 1, 1, "the latest is kept whatever its size"},
		{"large and small", postgres.BackplaneConfig{HistoryLimit: 10_000}, func(i int) int { return []int{5, 2000}[i%2] }, 8, 10, ""},
		{"age", postgres.BackplaneConfig{HistoryAge: time.Microsecond}, func(int) int { return 10 }, 0, 1, "all are older"},
		{"off", postgres.BackplaneConfig{MaxHistory: -1, HistoryLimit: -1}, func(int) int { return 10 }, events, events, ""},
	}
	pool := connect(t, database(t).addr)
	for _, tt := range tests {
		log := postgres.NewBackplane(pool, tt.name, tt.cfg)
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
