package compare_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
)

func TestQuartiles(t *testing.T) {
	for _, c := range []struct {
		values            []float64
		low, median, high float64
		why               string
	}{
		{[]float64{7}, 7, 7, 7, "one value is all quartiles"},
		{[]float64{3, 1}, 1.5, 2, 2.5, "between two values it interpolates"},
		{[]float64{5, 1, 4, 2, 3}, 2, 3, 4, "order does not matter"},
		{[]float64{1, 1, 1, 1, 900}, 1, 1, 1, "a round that something else fell into does not count"},
	} {
		values := slices.Clone(c.values)
		got := compare.Quartiles(values)
		if want := (compare.Spread{Median: c.median, Low: c.low, High: c.high, N: len(values)}); got != want {
			t.Errorf("%v: %v, want %v: %s", c.values, got, want, c.why)
		}
		if !slices.Equal(values, c.values) {
			t.Errorf("%v was sorted in place", c.values)
		}
	}
	if got := compare.Quartiles(nil); !math.IsNaN(got.Median) || got.N != 0 {
		t.Errorf("nothing: %v", got)
	}
}

// result has a machine that is half as fast in the second round.
func result() compare.Result {
	return compare.Result{Subtract: "empty", Samples: []compare.Sample{
		{Name: "empty", Role: compare.Floor, NS: []float64{10, 20, 10}},
		{Name: "kit", Role: compare.Kit, NS: []float64{30, 60, 30}},
		{Name: "kit std", Role: compare.Kit, Class: "std", NS: []float64{90, 180, 90}},
		{Name: "fast", Role: compare.Rival, NS: []float64{50, 100, 50}},
		{Name: "slow", Role: compare.Rival, NS: []float64{500, 1000, 500}},
		{Name: "other", Role: compare.Rival, Class: "std", NS: []float64{20, 40, 20}},
		{Name: "absent", Role: compare.Rival, Error: "refuses"},
		{Name: "nothing", Role: compare.Rival, Class: "none", NS: []float64{10, 20, 9}},
	}}
}

func TestRatio(t *testing.T) {
	r := result()
	if got := r.Ratio(r.Sample("kit"), r.Sample("fast")); got.Low != 0.5 || got.High != 0.5 {
		t.Errorf("%v, want 0.5 in every round: what is subtracted is that of the same round", got)
	}
	if got := r.Time(r.Sample("kit")).Median; got != 20 {
		t.Errorf("the time is %v, want 20", got)
	}
	if got := r.Time(r.Sample("empty")).Median; got != 10 {
		t.Errorf("what is subtracted takes %v, want 10", got)
	}
	if got := r.Ratio(r.Sample("kit"), r.Sample("nothing")); got.N != 0 {
		t.Errorf("a ratio to nothing: %v", got)
	}
	if r.Sample("absent") != nil {
		t.Error("who does not take part has a sample")
	}
}

func TestFastestAndMain(t *testing.T) {
	r := result()
	if got := r.Fastest(""); got.Name != "fast" {
		t.Errorf("the fastest is %s, not the one of another class, of the kit, or who is absent", got.Name)
	}
	if got := r.Fastest("no class"); got != nil {
		t.Errorf("the fastest of no class is %s", got.Name)
	}
	for class, want := range map[string]string{"": "kit", "std": "kit std", "no class": "kit"} {
		if got := r.Main(class); got.Name != want {
			t.Errorf("%q: the kit is %s, want %s", class, got.Name, want)
		}
	}
}

// spin is a contender that says something, and takes a while.
func spin(name, says string, loops int) compare.Contender {
	return compare.Contender{Name: name, Start: func(run *compare.Run) func() {
		run.Answer(func() string { return says })
		x := 0
		return func() {
			for i := range loops {
				x += i ^ x
			}
			sink = x
		}
	}}
}

var sink any

func TestMeasure(t *testing.T) {
	stopped := 0
	counted := func(c compare.Contender) compare.Contender {
		start := c.Start
		c.Start = func(run *compare.Run) func() {
			run.Cleanup(func() { stopped++ })
			return start(run)
		}
		return c
	}
	c := compare.Comparison{Name: "spin", Per: 2, Want: "right", Contenders: []compare.Contender{
		counted(spin("right", "right", 100)),
		counted(spin("wrong", "wrong", 100)),
		counted(compare.Contender{Name: "panics", Start: func(*compare.Run) func() { panic("cannot") }}),
		counted(compare.Contender{Name: "silent", Start: func(*compare.Run) func() { return func() {} }}),
		counted(compare.Contender{Name: "floor", Role: compare.Floor, Start: func(run *compare.Run) func() {
			run.Metric("things", 3)
			return func() { sink = make([]byte, 1000) }
		}}),
	}}
	r := c.Measure(compare.Options{Rounds: 5, Turn: 10 * time.Microsecond, Budget: time.Minute})
	if stopped != len(c.Contenders) {
		t.Errorf("%d of %d were stopped", stopped, len(c.Contenders))
	}
	for i, want := range []string{"", "answers", "refuses: cannot", "gives no answer", ""} {
		s := r.Samples[i]
		if want == "" != (s.Error == "") || !strings.Contains(s.Error, want) {
			t.Errorf("%s: %q, want %q", s.Name, s.Error, want)
		}
		rounds := 0
		if want == "" {
			rounds = 5
		}
		if len(s.NS) != rounds || slices.Contains(s.NS, 0) {
			t.Errorf("%s has %v", s.Name, s.NS)
		}
	}
	floor := r.Samples[4]
	if floor.Role != compare.Floor || floor.Metrics["things"] != 3 {
		t.Errorf("%+v", floor)
	}
	// A call makes one slice, and does two pieces of work; the slice that is
	// put into an interface makes another.
	if floor.Allocs != 1 || floor.Bytes < 500 || floor.Bytes > 700 {
		t.Errorf("%v allocations and %v bytes", floor.Allocs, floor.Bytes)
	}
}

func TestMeasureFirstAnswerCounts(t *testing.T) {
	c := compare.Comparison{Contenders: []compare.Contender{spin("first", "a", 1), spin("same", "a", 1), spin("other", "b", 1)}}
	r := c.Measure(compare.Options{Rounds: 1, Turn: time.Microsecond})
	if r.Samples[0].Error != "" || r.Samples[1].Error != "" || r.Samples[2].Error == "" {
		t.Errorf("%+v", r.Samples)
	}
}

func TestMeasureBudget(t *testing.T) {
	o := compare.Options{Rounds: 1000, Turn: time.Millisecond, Budget: time.Nanosecond}
	c := compare.Comparison{Contenders: []compare.Contender{spin("a", "x", 1)}}
	if got := len(c.Measure(o).Samples[0].NS); got != compare.MinRounds {
		t.Errorf("%d rounds without time, want %d", got, compare.MinRounds)
	}
	c.Heavy, o.Budget = true, time.Minute
	if got := len(c.Measure(o).Samples[0].NS); got != compare.HeavyRounds {
		t.Errorf("%d rounds of heavy work, want %d", got, compare.HeavyRounds)
	}
}

func TestSuite(t *testing.T) {
	heavy := spin("rival", "x", 1)
	heavy.Start = func(*compare.Run) func() { panic("not in a test") }
	kit := spin("kit", "x", 1)
	kit.Role = compare.Kit
	refuses := compare.Contender{Name: "refuses", Start: func(*compare.Run) func() { panic("no") }}
	asked := false
	compare.Test(t, compare.Suite{
		Comparisons: []compare.Comparison{
			{Name: "refused", Refused: []string{"refuses"}, Contenders: []compare.Contender{kit, refuses}},
			{Name: "heavy", Heavy: true, Contenders: []compare.Contender{kit, heavy}},
		},
		Findings: []compare.Finding{{Name: "finding", Find: func(short bool) (compare.Table, error) {
			asked = short
			return compare.Table{}, nil
		}}},
	})
	if !asked {
		t.Error("a test asks for little")
	}
}
