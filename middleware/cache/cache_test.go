package cache_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/middleware/cache/cachetest"
	"github.com/apiece/apiece/middleware/middlewaretest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// minute stores responses without a stated lifetime for a minute.
func minute() func(http.Handler) http.Handler {
	return cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}}).Middleware
}

func TestCacheLeaks(t *testing.T) { cachetest.Leaks(t, minute) }

func TestCacheIsTransparent(t *testing.T) {
	for name, mw := range map[string]func(http.Handler) http.Handler{
		"by default":   cache.New(cache.Config{}).Middleware,
		"for a minute": minute(),
	} {
		t.Run(name, func(t *testing.T) { middlewaretest.Run(t, mw) })
	}
}
