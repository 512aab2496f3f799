package bodyparser_test

import (
	"testing"

	"github.com/apiece/apiece/bench/bodyparser"
	"github.com/apiece/apiece/bench/internal/compare"
)

func TestBody(t *testing.T)      { compare.Test(t, bodyparser.Suite()) }
func BenchmarkBody(b *testing.B) { compare.Bench(b, bodyparser.Suite()) }
