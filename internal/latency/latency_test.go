package latency_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/latency"
)

func TestSamplesPercentile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l latency.Samples
		if got := l.Percentile(99); got != 0 {
			t.Errorf("of nothing: %v", got)
		}
		for i := range 200 {
			begun := time.Now()
			time.Sleep(time.Duration(200-i) * time.Millisecond)
			l.Since(begun)
		}
		for percent, want := range map[int]time.Duration{0: 1, 1: 2, 50: 100, 99: 198, 100: 200} {
			if got := l.Percentile(percent); got != want*time.Millisecond {
				t.Errorf("percentile %d is %v, want %v ms", percent, got, int64(want))
			}
		}
	})
}
