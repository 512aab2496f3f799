// Package compare states comparisons and measures them.
//
// A comparison is one piece of work that several contenders do. Each starts in its
// own way, and returns a function that does the work once: the tests call it once,
// the benchmarks in a loop, and the report in turns with the others. All three run
// the same function.
//
// Before a contender is timed its answer is checked, as text that is the same for
// all. A contender with a wrong answer is not timed.
package compare

import (
	"fmt"
	"regexp"
	"slices"
	"time"
)

// A Suite has the comparisons of one piece of the kit.
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

	// Want is the expected answer. If it is empty, all have to give the first answer.
	Want string

	// Refused names the rivals that cannot do this work: it is an error if one of
	// them can, or if another cannot.
	Refused []string

	// Subtract names the contender whose time is overhead in that of all others. It
	// is subtracted before ratios.
	Subtract string

	// Size is the size of the work, in comparisons with the same Growth.
	Growth string
	Size   float64

	// Heavy work takes seconds. A test only prepares the first contender of the kit,
	// and the report runs at most HeavyRounds rounds.
	Heavy bool

	Contenders []Contender
}

// A Role is the purpose of a contender.
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

	// Start prepares and returns the function that does the work once. A panic in it
	// means that it cannot.
	Start func(*Run) func()
}

// A Run is a contender at work.
type Run struct {
	cleanups []func()
	answer   func() string
	metrics  map[string]float64
	meter    func() Reading
}

// A Reading is the resource usage so far.
type Reading struct {
	Time           time.Duration
	Mallocs, Bytes uint64
}

// Cleanup registers f to be called when the contender is done, last registered first.
func (r *Run) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }

// Answer sets the function that returns the answer of the contender. It is called
// once, before anything is timed.
func (r *Run) Answer(f func() string) { r.answer = f }

// Metric reports an additional value, such as "B/client".
func (r *Run) Metric(unit string, value float64) {
	if r.metrics == nil {
		r.metrics = make(map[string]float64)
	}
	r.metrics[unit] = value
}

// Meter sets what to read before and after the work, instead of the clock and the
// allocations of this process.
func (r *Run) Meter(f func() Reading) { r.meter = f }

func (r *Run) stop() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

// start starts a contender and checks its answer. If no answer is expected yet, the
// first one becomes the expected one.
func (c *Comparison) start(who Contender) (run *Run, work func(), err error) {
	run = new(Run)
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("refuses: %s", Refusal(reason))
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

// differently shows where two answers differ.
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

// A Finding is a result that cannot be measured in turns, such as the responses of each contender.
type Finding struct {
	Name string
	Text string
	// Find returns the result. If short, as in a test, it does less. An error means
	// that the kit fails.
	Find func(short bool) (Table, error)
}

// A Table is the result of a finding.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
	// Values are the values of targets.
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

// Refusal is the text of a panic without the source position that ServeMux has in it: a
// file on the machine of the report.
func Refusal(reason any) string { return registered.ReplaceAllString(fmt.Sprint(reason), "") }

var registered = regexp.MustCompile(` \(registered at [^)]*\)`)
