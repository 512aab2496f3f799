package pattern_test

import (
	"testing"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/pattern"
)

func TestRouting(t *testing.T)      { compare.Test(t, pattern.Suite()) }
func BenchmarkRouting(b *testing.B) { compare.Bench(b, pattern.Suite()) }
