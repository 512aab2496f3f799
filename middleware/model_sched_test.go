package middleware_test

import (
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/response"
)

// A sched lets one goroutine at a time continue, from step to step. The code between
// two steps is atomic, so the model explores the order of steps.
type sched struct {
	mu     sync.Mutex
	parked []*park
	last   int  // the last goroutine that continued
	off    bool // all goroutines run freely
}

// A park is a goroutine that waits before a step.
type park struct {
	name string
	who  int
	free chan struct{}
}

// playing is the sched of the model while it runs.
var playing atomic.Pointer[sched]

// The steps are hooked up once, before any test runs: a goroutine that another test
// left running may be at one.
func init() {
	response.Step = func(name string) {
		// Only the clock of a bubble has no monotonic part.
		switch s := playing.Load(); {
		case s == nil || time.Now().Round(0) != time.Now():
		case name == "wait":
			blocks()
		default:
			s.step(name)
		}
	}
}

// blocks is called by a goroutine that is about to wait for another.
func blocks() { debug.SetPanicOnFault(false) }

// step waits for the turn of the calling goroutine.
func (s *sched) step(name string) {
	s.mu.Lock()
	if s.off {
		s.mu.Unlock()
		return
	}
	// Getting the number of a goroutine takes longer than all the rest. The runtime has
	// a bit for each goroutine that is fast to read, and otherwise unused: the
	// goroutine that has it set comes straight from its last step.
	p := &park{name, s.last, make(chan struct{})}
	if !debug.SetPanicOnFault(false) {
		p.who = goroutine()
	}
	s.parked = append(s.parked, p)
	s.mu.Unlock()
	<-p.free
	debug.SetPanicOnFault(true)
}

// waiting returns the parked goroutines, in the order in which they started.
func (s *sched) waiting() []*park {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.parked, func(a, b *park) int { return a.who - b.who })
	return slices.Clone(s.parked)
}

// release lets p continue.
func (s *sched) release(p *park) {
	s.mu.Lock()
	s.last = p.who
	s.parked = slices.DeleteFunc(s.parked, func(q *park) bool { return p == q })
	s.mu.Unlock()
	close(p.free)
}

// stop lets all goroutines run, now and later.
func (s *sched) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.off = true
	for _, p := range s.parked {
		close(p.free)
	}
	s.parked = nil
}

// goroutine returns the number of the calling goroutine. With one P, goroutines are
// numbered in the order in which they start, so a schedule is reproducible.
func goroutine() (n int) {
	var b [32]byte
	for _, c := range b[len("goroutine "):runtime.Stack(b[:], false)] {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// A chooser picks one of the options at a point of a schedule. The first option is to
// continue the current goroutine.
type chooser interface {
	choose(options int) int
	// next is called after each schedule, and reports whether there is another.
	next() bool
}

// A choice was one of several options at a point of a schedule.
type choice struct{ options, took int }

// depthFirst goes through all schedules.
type depthFirst struct {
	path     []choice
	at       int
	diverged bool // the same choices led to another state
}

func (d *depthFirst) choose(options int) int {
	if d.at == len(d.path) {
		d.path = append(d.path, choice{options, 0})
	}
	c := d.path[d.at]
	d.at++
	if c.options != options {
		d.diverged = true
		return 0
	}
	return c.took
}

func (d *depthFirst) next() bool {
	d.path, d.at = d.path[:d.at], 0
	for i := len(d.path) - 1; i >= 0; i-- {
		if c := &d.path[i]; c.took+1 < c.options {
			c.took++
			d.path = d.path[:i+1]
			return true
		}
	}
	return false
}

// drawn goes through a number of schedules from a fixed seed. In some, goroutines run
// longer before a switch.
type drawn struct {
	rnd  *rand.Rand
	left int
}

func draw(n int) *drawn { return &drawn{rand.New(rand.NewPCG(1, 2)), n} }

func (d *drawn) choose(options int) int {
	if d.rnd.IntN(2+3*(d.left%4)) == 0 {
		return d.rnd.IntN(options)
	}
	return 0
}

func (d *drawn) next() bool {
	d.left--
	return d.left > 0
}
