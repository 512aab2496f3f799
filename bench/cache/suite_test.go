package cache_test

import (
	"testing"

	"github.com/apiece/apiece/bench/cache"
	"github.com/apiece/apiece/bench/internal/compare"
)

func TestCache(t *testing.T)      { compare.Test(t, cache.Suite()) }
func BenchmarkCache(b *testing.B) { compare.Bench(b, cache.Suite()) }
