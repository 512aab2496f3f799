package redis_test

import (
	"testing"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// BenchmarkPing is the cost of any command.
func BenchmarkPing(b *testing.B) {
	client := connect(b, start(b).addr)
	for b.Loop() {
		if err := client.Ping(b.Context()).Err(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBackplane(b *testing.B) {
	addr := start(b).addr
	backplanetest.Suite{Open: func(t testing.TB, log string) hub.Backplane {
		return redis.NewBackplane(connect(t, addr), log, redis.BackplaneConfig{})
	}}.Bench(b)
}

func BenchmarkStore(b *testing.B) {
	addr := start(b).addr
	cachetest.Suite{Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
		s := redis.NewStore(connect(t, addr), name, redis.StoreConfig{})
		return s, s
	}}.Bench(b)
}
