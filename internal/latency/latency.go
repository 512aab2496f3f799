// Package latency measures how long operations take, for tests and benchmarks.
package latency

import (
	"slices"
	"sync"
	"time"
)

// Samples are the durations of operations. The zero Samples are empty. They are safe
// for concurrent use.
type Samples struct {
	mu   sync.Mutex
	took []time.Duration
}

// Since adds an operation that began at begun and ends now.
func (l *Samples) Since(begun time.Time) {
	took := time.Since(begun)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
}

// Percentile returns the duration within which the given percentage of operations
// ended, 0 if there are none.
func (l *Samples) Percentile(percent int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.took) == 0 {
		return 0
	}
	slices.Sort(l.took)
	return l.took[max((len(l.took)*percent+99)/100-1, 0)]
}

// Report adds the median and the 99th percentile, in microseconds, to the metrics of
// the benchmark.
func (l *Samples) Report(b interface {
	ReportMetric(n float64, unit string)
}) {
	for unit, percent := range map[string]int{"p50-µs": 50, "p99-µs": 99} {
		b.ReportMetric(float64(l.Percentile(percent))/float64(time.Microsecond), unit)
	}
}
