package redis_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/backplanetest"
)

func TestBackplaneMini(t *testing.T) {
	testBackplane(t, miniredis.RunT(t).Addr())
}

func TestBackplane(t *testing.T) {
	testBackplane(t, start(t).addr)
}

func testBackplane(t *testing.T, addr string) {
	admin := connect(t, addr)
	key := func(log string) string { return "{" + strings.ReplaceAll(log, "/", ":") + "}" }
	backplanetest.Suite{
		Open: func(t testing.TB, log string) stream.Backplane {
			return redis.NewBackplane(connect(t, addr), key(log), redis.BackplaneConfig{})
		},
		Forget: func(t testing.TB, log string) { admin.XTrimMaxLen(t.Context(), key(log), 1) },
		Wipe:   func(t testing.TB, log string) { admin.Del(t.Context(), key(log)) },
	}.Run(t)
}
