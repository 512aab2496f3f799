package middleware_test

import (
	"testing"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/middleware"
)

func TestMiddleware(t *testing.T)      { compare.Test(t, middleware.Suite()) }
func BenchmarkMiddleware(b *testing.B) { compare.Bench(b, middleware.Suite()) }
