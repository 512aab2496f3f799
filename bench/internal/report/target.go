package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/apiece/apiece/bench/internal/compare"
)

// A Target is a goal of the kit.
type Target struct {
	What   string
	Note   string // where it is missed: what was tried
	Claims []Claim
}

// A Claim is one figure of a target.
type Claim struct {
	Of   string // suite and comparison, or suite and finding
	Kit  string // the contender of the kit; of a finding, the value
	To   string // the rival, or Fastest; empty for a figure that stands alone
	What string // "allocs", or a metric; empty for the time
	Max  float64
	Min  float64 // if it is not 0, the figure is to be at least that
}

// Fastest is the fastest rival of the class of the kit's contender.
const Fastest = "the fastest"

// A Verdict is the result of a claim.
type Verdict struct {
	Claim
	Rival    string // the rival it was measured against
	Spread   compare.Spread
	Measured bool
	Met      bool
}

// Judge looks up the measurement for a claim.
func (d *Data) Judge(c Claim) Verdict {
	v := Verdict{Claim: c, Rival: c.To}
	if f := d.finding(c.Of); f != nil {
		value, ok := f.Table.Values[c.Kit]
		v.Measured, v.Spread = ok, exactly(value)
	} else if r := d.result(c.Of); r != nil {
		v.measure(r)
	} else if r, metric := d.service(c.Of); r != nil {
		var against string
		against, v.Spread = r.Ratio(metric, c.What, c.Kit, c.To)
		if v.Measured = v.Spread.N > 0; v.Measured {
			v.Rival = against
		}
	}
	v.Met = v.Measured && v.Spread.Median <= c.Max
	if c.Min != 0 {
		v.Met = v.Measured && v.Spread.Median >= c.Min
	}
	return v
}

func exactly(x float64) compare.Spread { return compare.Spread{Median: x, Low: x, High: x, N: 1} }

func (v *Verdict) measure(r *compare.Result) {
	kit := r.Sample(v.Kit)
	if kit == nil {
		return
	}
	if v.What != "" {
		value, ok := kit.Metrics[v.What]
		if v.What == "allocs" {
			value, ok = kit.Allocs, true
		}
		v.Measured, v.Spread = ok, exactly(value)
		return
	}
	if v.To == "" {
		v.Measured, v.Spread = true, r.Time(kit)
		return
	}
	to := r.Sample(v.To)
	if v.To == Fastest {
		to = r.Fastest(kit.Class)
	}
	if to == nil {
		return
	}
	v.Rival, v.Measured, v.Spread = to.Name, true, r.Ratio(kit, to)
}

// Label says what is measured, in words.
func (v Verdict) Label(names Names) string {
	label := v.Of + ": " + names.of(v.Kit)
	if v.To != "" {
		label += " / " + names.of(v.Rival)
		if v.To == Fastest {
			label += " (the fastest)"
		}
	}
	if v.What != "" {
		label += ", " + v.What
	}
	return label
}

// Bound is the claim in words.
func (v Verdict) Bound() string {
	if v.Min != 0 {
		return "≥ " + v.figure(v.Min)
	}
	return "≤ " + v.figure(v.Max)
}

// Figure is what was measured in words.
func (v Verdict) Figure() string {
	if !v.Measured {
		return "not measured"
	}
	return v.figure(v.Spread.Median)
}

// Middle is the interquartile range in words.
func (v Verdict) Middle() string {
	if !v.Measured || v.Spread.N < 2 {
		return ""
	}
	return v.figure(v.Spread.Low) + " – " + v.figure(v.Spread.High)
}

// Outcome is the verdict in a word.
func (v Verdict) Outcome() string {
	switch {
	case !v.Measured:
		return "not measured"
	case v.Met:
		return "met"
	}
	return "**missed**"
}

func (v Verdict) figure(x float64) string {
	switch {
	case v.What != "" && v.To == "" || v.Measured && v.Spread.N == 1 && v.To == "":
		return number(x)
	case v.To == "":
		return duration(x)
	}
	return ratio(x)
}

// digits writes three of them, and no more zeros behind than needed.
func digits(x float64) string {
	if x == 0 || math.IsNaN(x) {
		return fmt.Sprint(x)
	}
	decimals := max(0, 2-int(math.Floor(math.Log10(math.Abs(x)))))
	s := fmt.Sprintf("%.*f", decimals, x)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func number(x float64) string {
	if x >= 1000 {
		return fmt.Sprintf("%.0f", x)
	}
	return digits(x)
}

func ratio(x float64) string {
	if x >= 100 {
		return fmt.Sprintf("%.0fx", x)
	}
	if x >= 0.1 {
		return fmt.Sprintf("%.2fx", x)
	}
	return digits(x) + "x"
}

// duration writes nanoseconds.
func duration(ns float64) string {
	switch {
	case ns < 1e3:
		return digits(ns) + " ns"
	case ns < 1e6:
		return digits(ns/1e3) + " µs"
	case ns < 1e9:
		return digits(ns/1e6) + " ms"
	}
	return digits(ns/1e9) + " s"
}
