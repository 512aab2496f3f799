package postgres_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// disks calls f with a server that waits for its disk at every commit, and with one that
// does not.
func disks(b *testing.B, f func(b *testing.B, s *server)) {
	b.Run("disk", func(b *testing.B) { f(b, start(b, "")) })
	b.Run("no disk", func(b *testing.B) { f(b, shared(b)) })
}

// BenchmarkPing is the cost of any statement.
func BenchmarkPing(b *testing.B) {
	pool := connect(b, shared(b).addr)
	for b.Loop() {
		if _, err := pool.Exec(b.Context(), `select 1`); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBackplane(b *testing.B) {
	disks(b, func(b *testing.B, s *server) {
		backplanetest.Suite{Open: func(t testing.TB, log string) hub.Backplane {
			return postgres.NewBackplane(connect(t, s.addr), log, postgres.BackplaneConfig{})
		}}.Bench(b)
	})
}

// BenchmarkAppendTx is a transaction that only appends.
func BenchmarkAppendTx(b *testing.B) {
	event := stream.Event{Data: strings.Repeat("x", 200)}
	disks(b, func(b *testing.B, s *server) {
		pool := connect(b, s.addr)
		log := postgres.NewBackplane(pool, b.Name(), postgres.BackplaneConfig{})
		for b.Loop() {
			err := pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error {
				_, err := log.AppendTx(b.Context(), tx, "t", event)
				return err
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStore needs one server: the tables are unlogged, and nothing waits for its
// disk.
func BenchmarkStore(b *testing.B) {
	s := start(b, "")
	cachetest.Suite{Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
		store := postgres.NewStore(connect(t, s.addr), name, postgres.StoreConfig{})
		return store, store
	}}.Bench(b)
}
