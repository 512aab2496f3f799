// Package compare states comparisons and measures them.
//
// A comparison is one piece of work that several contenders do. Each starts in
// its own way, and hands over a function that does the work once more: the
// tests call it once, the benchmarks in a loop, and the report in turns with
// the others. There is no second copy of it for any of them.
//
// Before a contender is timed it is asked for its answer, in words that are the
// same for all. Whoever answers otherwise than it should is not timed.
package compare

import (
	"fmt"
	"slices"
	"time"
)

// A Suite is what is measured of one piece of the kit.
type Suite struct {
	Name        string // the first half of the name of a comparison
	Text        string // what is measured and how, in Markdown
	Comparisons []Comparison
	Findings    []Finding
}

// A Comparison is work that contenders do.
type Comparison struct {
	Name string
	Text string // what is peculiar about it
	Unit string // what one piece of work is: "request"
	Per  int    // how many of them a call does; 0 is 1

	// Want is the right answer. If it is empty, all have to answer as the first
	// does that has an answer.
	Want string

	// Refused names the rivals that are known not to take part, since they
	// cannot do this work: it is an error if one of them can, and if another
	// cannot.
	Refused []string

	// Subtract names the contender whose time is no work, but part of that of
	// all others. Ratios are those of the rest.
	Subtract string

	// Of the comparisons with the same Growth, Size is the size of the work.
	Growth string
	Size   float64

	// Heavy work takes seconds. In a test the first contender of the kit alone
	// gets ready for it, and the report does it no more than HeavyRounds times.
	Heavy bool

	Contenders []Contender
}

// A Role says what a contender is there for.
type Role string

const (
	Kit   Role = "kit"
	Rival Role = "rival"
	Floor Role = "floor" // what the work takes at least, or would take without what is compared
)

// A Contender is one way of doing the work.
type Contender struct {
	Name   string
	Role   Role   // empty is Rival
	Class  string // "fastest" is meant among those of one class
	Module string // the module that it comes from; empty for the kit, the standard library, and code of the suite

	// Start gets ready and returns the function that does the work once. A
	// panic in it says that it cannot.
	Start func(*Run) func()
}

// A Run is a contender at work.
type Run struct {
	cleanups []func()
	answer   func() string
	metrics  map[string]float64
	meter    func() Reading
}

// A Reading is what has been used so far.
type Reading struct {
	Time           time.Duration
	Mallocs, Bytes uint64
}

// Cleanup has f called when the contender is not needed any more, the last one
// first.
func (r *Run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Answer says how to find out what the contender answers. It is called once,
// before anything is timed.
func (r *Run) Answer(f func() string) { r.answer = f }

// Metric reports what was found out on the way, such as "B/client".
func (r *Run) Metric(unit string, value float64) {
	if r.metrics == nil {
		r.metrics = make(map[string]float64)
	}
	r.metrics[unit] = value
}

// Meter says what to read before and after the work, in place of the clock and
// of the allocations of this process.
func (r *Run) Meter(f func() Reading) { r.meter = f }

func (r *Run) stop() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// start starts a contender and checks its answer. The answer of the first one
// becomes the one that is wanted, unless there is one.
func (c *Comparison) start(who Contender) (run *Run, work func(), err error) {
	run = new(Run)
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("refuses: %v", reason)
		}
		if err != nil {
			run.stop()
		}
	}()
	work = who.Start(run)
	if run.answer == nil {
		if who.Role != Floor {
			return run, nil, fmt.Errorf("gives no answer")
		}
		return run, work, nil
	}
	answer := run.answer()
	if c.Want == "" {
		c.Want = answer
	}
	if answer != c.Want {
		return run, nil, fmt.Errorf("answers %s", differently(answer, c.Want))
	}
	return run, work, nil
}

// differently shows where two answers part.
func differently(got, want string) string {
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	i = max(0, i-10)
	return fmt.Sprintf("...%.60q, not ...%.60q", got[i:], want[i:])
}

func (c Comparison) per() float64 { return float64(max(1, c.Per)) }

func (c Comparison) refused(name string) bool { return slices.Contains(c.Refused, name) }

// A Finding is what cannot be measured in turns: who answers what, or how far
// somebody comes.
type Finding struct {
	Name string
	Text string
	// Find asks. Asked to be short, as in a test, it asks less. An error says
	// that the kit does not do what it should.
	Find func(short bool) (Table, error)
}

// A Table is the outcome of a finding.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// Values are those that a target is about.
	Values map[string]float64 `json:"values,omitempty"`
}

// Row adds a row.
func (t *Table) Row(cells ...any) {
	row := make([]string, len(cells))
	for i, cell := range cells {
		row[i] = fmt.Sprint(cell)
	}
	t.Rows = append(t.Rows, row)
}
