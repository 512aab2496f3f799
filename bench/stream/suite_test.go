package stream_test

import (
	"testing"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/stream"
)

func TestMain(m *testing.M) {
	stream.Main()
	m.Run()
}

func TestStream(t *testing.T)      { compare.Test(t, stream.Suite()) }
func BenchmarkStream(b *testing.B) { compare.Bench(b, stream.Suite()) }
