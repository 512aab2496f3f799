// Package latency is how long operations take, for what measures them.
package latency

import (
	"slices"
	"sync"
	"time"
)

// Samples are how long each of many operations took. The zero Samples are none.
// They are safe for concurrent use.
type Samples struct {
	mu   sync.Mutex
	took []time.Duration
}

// Since adds an operation that began then and ends now.
func (l *Samples) Since(begun time.Time) {
	took := time.Since(begun)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took = append(l.took, took)
}

// Percentile returns the time within which so many of a hundred operations
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

// Report adds the median and the 99th percentile, in microseconds, to what the
// benchmark reports.
func (l *Samples) Report(b interface {
	ReportMetric(n float64, unit string)
}) {
	for unit, percent := range map[string]int{"p50-µs": 50, "p99-µs": 99} {
		b.ReportMetric(float64(l.Percentile(percent))/float64(time.Microsecond), unit)
	}
}
