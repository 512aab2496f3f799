package compare

import (
	"math"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// Options say how long to measure.
type Options struct {
	Rounds int           // turns of each contender
	Turn   time.Duration // how long a turn takes at least
	Budget time.Duration // after which no round begins, once there were MinRounds
}

// MinRounds is the minimum number of rounds: fewer have no spread.
const MinRounds = 3

// HeavyRounds is the maximum number of rounds of a heavy comparison.
const HeavyRounds = 9

// Cost estimates how long a comparison takes.
func (o Options) Cost(c Comparison) time.Duration {
	if c.Heavy {
		return o.Budget + 10*time.Second // most of which it takes to get ready
	}
	return min(o.Budget, time.Duration((o.rounds(c)+2)*len(c.Contenders))*o.Turn)
}

func (o Options) rounds(c Comparison) int {
	if c.Heavy {
		return min(HeavyRounds, o.Rounds)
	}
	return o.Rounds
}

// A Result is the result of a comparison.
type Result struct {
	Suite    string   `json:"suite"`
	Name     string   `json:"name"`
	Text     string   `json:"text,omitempty"`
	Unit     string   `json:"unit"`
	Subtract string   `json:"subtract,omitempty"`
	Growth   string   `json:"growth,omitempty"`
	Size     float64  `json:"size,omitempty"`
	Date     string   `json:"date"`
	Samples  []Sample `json:"samples"`
}

// A Sample has the measurements of one contender.
type Sample struct {
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	Class  string `json:"class,omitempty"`
	Module string `json:"module,omitempty"`
	Error  string `json:"error,omitempty"` // why it does not take part

	NS      []float64          `json:"ns,omitempty"` // nanoseconds for each piece of work, by round
	Allocs  float64            `json:"allocs"`       // for each piece of work
	Bytes   float64            `json:"bytes"`
	Metrics map[string]float64 `json:"metrics,omitempty"`
}

type contender struct {
	*Sample
	work  func()
	meter func() Reading // nil is the clock, and the allocations of this process
	loops int
}

// Measure runs the contenders in turns, so that other load on the machine affects all
// of them. A ratio is always that of two turns in one round. The order differs in
// each round: a contender may have to collect the garbage of the one before, and that
// should not always be the same.
func (c Comparison) Measure(o Options) Result {
	result := Result{
		Name: c.Name, Text: c.Text, Unit: c.Unit, Subtract: c.Subtract, Growth: c.Growth, Size: c.Size,
		Date:    time.Now().UTC().Format(time.DateOnly),
		Samples: make([]Sample, len(c.Contenders)),
	}
	var all []*contender
	for i, who := range c.Contenders {
		s := &result.Samples[i]
		*s = Sample{Name: who.Name, Role: who.role(), Class: who.Class, Module: who.Module}
		run, work, err := c.start(who)
		if err != nil {
			s.Error = err.Error()
			continue
		}
		defer run.stop()
		s.Metrics = run.metrics
		all = append(all, &contender{Sample: s, work: work, meter: run.meter})
	}
	for _, who := range all {
		who.loops = warmUp(who.work, o.Turn)
	}
	runtime.GC()
	begin := time.Now()
	for round := range o.rounds(c) {
		if round >= MinRounds && time.Since(begin) > o.Budget {
			break
		}
		rand.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
		for _, who := range all {
			took := float64(who.turn().Nanoseconds())
			who.NS = append(who.NS, significant(took/float64(who.loops)/c.per()))
		}
	}
	for _, who := range all {
		who.Allocs, who.Bytes = who.cost(c.per())
	}
	return result
}

// turn returns how long the work takes.
func (who *contender) turn() time.Duration {
	clock := who.meter
	if clock == nil {
		start := time.Now()
		clock = func() Reading { return Reading{Time: time.Since(start)} }
	}
	before := clock().Time
	for range who.loops {
		who.work()
	}
	return clock().Time - before
}

func (c Contender) role() Role {
	if c.Role == "" {
		return Rival
	}
	return c.Role
}

// warmUp works for at least one turn and returns how often the work fits in.
func warmUp(work func(), turn time.Duration) int {
	for n := 1; ; n *= 2 {
		start := time.Now()
		for range n {
			work()
		}
		if took := time.Since(start); took >= turn {
			return max(1, int(float64(n)*float64(turn)/float64(took)+0.5))
		}
	}
}

// cost returns the allocations of a piece of work. Garbage collection is off, since
// it empties pools. It takes the minimum of three counts, since other code in the
// process may allocate too.
func (who *contender) cost(per float64) (allocs, bytes float64) {
	loops := min(who.loops, 100)
	meter := who.meter
	if meter == nil {
		runtime.GC()
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		meter = allocated
	}
	who.work()
	allocs, bytes = math.Inf(1), math.Inf(1)
	for range 3 {
		before := meter()
		for range loops {
			who.work()
		}
		after := meter()
		n := float64(loops) * per
		allocs = min(allocs, hundredth(float64(after.Mallocs-before.Mallocs)/n))
		bytes = min(bytes, hundredth(float64(after.Bytes-before.Bytes)/n))
	}
	return allocs, bytes
}

func allocated() Reading {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return Reading{Mallocs: m.Mallocs, Bytes: m.TotalAlloc}
}

func hundredth(x float64) float64 { return math.Round(x*100) / 100 }

// significant drops insignificant digits, to keep the file of samples short.
func significant(x float64) float64 {
	x, _ = strconv.ParseFloat(strconv.FormatFloat(x, 'g', 4, 64), 64)
	return x
}
