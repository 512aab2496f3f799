package compare

import (
	"math"
	"slices"
)

// A Spread is the median and the interquartile range of some values.
type Spread struct {
	Median, Low, High float64 // the quartiles
	N                 int
}

// Quartiles returns the spread of the values. It interpolates between two values.
func Quartiles(x []float64) Spread {
	if len(x) == 0 {
		return Spread{math.NaN(), math.NaN(), math.NaN(), 0}
	}
	x = slices.Sorted(slices.Values(x))
	return Spread{quantile(x, 0.5), quantile(x, 0.25), quantile(x, 0.75), len(x)}
}

func quantile(sorted []float64, q float64) float64 {
	at := q * float64(len(sorted)-1)
	i := int(at)
	if i+1 == len(sorted) {
		return sorted[i]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// Sample returns the sample of a contender, or nil if it has none.
func (r *Result) Sample(name string) *Sample {
	for i := range r.Samples {
		if s := &r.Samples[i]; s.Name == name && s.Error == "" {
			return s
		}
	}
	return nil
}

// net returns the times of a contender without the overhead of all.
func (r *Result) net(s *Sample) []float64 {
	base := r.Sample(r.Subtract)
	if base == nil || base == s {
		return s.NS
	}
	times := make([]float64, len(s.NS))
	for i := range times {
		times[i] = max(0, s.NS[i]-base.NS[i])
	}
	return times
}

// Time returns the nanoseconds for each piece of work.
func (r *Result) Time(s *Sample) Spread { return Quartiles(r.net(s)) }

// Ratio returns the spread of the ratios of two contenders, round by round.
func (r *Result) Ratio(s, to *Sample) Spread {
	over, under := r.net(s), r.net(to)
	var ratios []float64
	for i := range min(len(over), len(under)) {
		if under[i] > 0 {
			ratios = append(ratios, over[i]/under[i])
		}
	}
	return Quartiles(ratios)
}

// Fastest returns the fastest rival of a class, or nil if there is none.
func (r *Result) Fastest(class string) (best *Sample) {
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Error != "" || s.Role != Rival || s.Class != class {
			continue
		}
		if best == nil || r.Time(s).Median < r.Time(best).Median {
			best = s
		}
	}
	return best
}

// Main returns the main contender of the kit in a class: the first one. If the class
// has none, it is the first one of all.
func (r *Result) Main(class string) (main *Sample) {
	for i := range r.Samples {
		s := &r.Samples[i]
		if s.Error != "" || s.Role != Kit {
			continue
		}
		if s.Class == class {
			return s
		}
		if main == nil {
			main = s
		}
	}
	return main
}
