package redis_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
)

func TestStoreMini(t *testing.T) {
	testStore(t, miniredis.RunT(t).Addr(), 1000)
}

func TestStore(t *testing.T) {
	testStore(t, start(t).addr, 0)
}

func testStore(t *testing.T, addr string, operations int) {
	admin := connect(t, addr)
	prefix := func(name string) string { return "{" + strings.ReplaceAll(name, "/", ":") + "}" }
	cachetest.Suite{
		Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
			s := redis.NewStore(connect(t, addr), prefix(name), redis.StoreConfig{})
			return s, s
		},
		Wipe: func(t testing.TB, name string) {
			if err := admin.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		},
		Operations: operations,
	}.Run(t)
}
