package middleware_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware"
)

// A scenario is a program under some layers, on some server.
type scenario struct {
	// server is 1.1, 1.0, 2, plain (a writer that can only write), panics (its optional
	// methods panic), broken (its other methods panic too) or short (it writes less
	// than it is given).
	server string
	// layers are, from the outside: t a Timeout of 1 ms, T one of 2.5 ms whose hook
	// panics (synctest runs timers of one instant in any order, so these never
	// coincide), L a ResponseLimit that rejects, with a slow hook, R a Recover.
	layers  string
	program string
	leaves  bool // the client may leave at any time
}

func (sc scenario) String() string {
	s := sc.server + "/" + sc.layers + "/" + sc.program
	if sc.leaves {
		s += "/leaves"
	}
	return s
}

// A play is one schedule of a scenario. Time is one of the choices, and so is a client
// that leaves.
type play struct {
	scenario
	s      *sched
	f      *modelServer
	h      *modelHandler
	choose func(options int) int

	budget int // how often another goroutine may still preempt one that could continue
	ticks  int // the remaining milliseconds
	trace  []string

	settled  int // Timeouts whose handler returned in time
	cancel   context.CancelFunc
	ended    bool // ServeHTTP has returned
	panicked any
	left     bool // the client has left
	records  int  // of failures
	hooks    int  // panics of hooks, which are records of failures, too
	faults   []string
}

// run plays to the end, and returns the fault, if any.
func (sc scenario) run(choose func(int) int, budget int, file *os.File) *play {
	s := &sched{}
	playing.Store(s)
	defer playing.Store(nil)
	p := &play{scenario: sc, s: s, f: newModelServer(s), choose: choose, budget: budget}
	p.h = &modelHandler{program: sc.program, s: s, f: p.f, file: file, due: time.Now().Add(1000 * time.Hour)}
	if strings.Contains(sc.layers, "T") {
		p.ticks, p.h.due = 3, time.Now().Add(2500*time.Microsecond)
	}
	if strings.Contains(sc.layers, "t") {
		p.ticks, p.h.due = max(p.ticks, 1), time.Now().Add(time.Millisecond)
	}
	if strings.Contains(sc.program, "X") {
		p.ticks += 3
	}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	r, _ := http.NewRequestWithContext(ctx, "GET", "/", stuckBody{p.f})
	go p.serve(p.f.as(sc.server, r), r)
	for p.goOn() {
	}
	p.judge()
	s.stop()
	cancel()
	p.f.freeRead()
	p.f.freeWrite()
	p.h.watchers.Wait()
	p.faults = append(append(p.faults, p.f.faults...), p.h.faults...)
	return p
}

// serve is the server's goroutine.
func (p *play) serve(w http.ResponseWriter, r *http.Request) {
	returned := false
	defer func() {
		if p.panicked = recover(); p.panicked == nil && !returned {
			p.panicked = "Goexit"
		}
		p.ended, p.f.returned = true, true
		p.f.freeRead() // the server closes the body
		p.cancel()
	}()
	p.handler().ServeHTTP(w, r)
	returned = true
}

// handler puts the layers around the program.
func (p *play) handler() http.Handler {
	logger := slog.New(modelLog{p})
	answer := func(status int, text string) func(http.ResponseWriter, *http.Request, error) {
		return func(w http.ResponseWriter, r *http.Request, err error) {
			p.s.step("OnError")
			_ = middleware.Extend(r, time.Hour)
			p.s.step("OnError")
			http.Error(w, text, status)
		}
	}
	var h http.Handler = p.h
	for i := len(p.layers) - 1; i >= 0; i-- {
		switch p.layers[i] {
		case 't':
			h = middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Millisecond, OnError: answer(504, "late"), Logger: logger})(h)
		case 'T':
			h = middleware.TimeoutWith(middleware.TimeoutConfig{
				Duration: 2500 * time.Microsecond,
				OnError:  func(http.ResponseWriter, *http.Request, error) { panic("the hook") },
				Logger:   logger,
			})(h)
		case 'L':
			h = middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
				Limit: 15, Action: middleware.LimitAbort, Logger: logger,
				OnError: func(w http.ResponseWriter, r *http.Request, err error) {
					p.h.extend(r, time.Hour)
					answer(500, "refused")(w, r, err)
				},
			})(h)
		case 'R':
			h = middleware.Recover(logger)(h)
		}
	}
	return h
}

// A modelLog is a slow slog.Handler.
type modelLog struct{ p *play }

func (l modelLog) Enabled(context.Context, slog.Level) bool { return true }
func (l modelLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l modelLog) WithGroup(string) slog.Handler            { return l }
func (l modelLog) Handle(_ context.Context, rec slog.Record) error {
	l.p.s.step("log")
	if rec.Level < slog.LevelError {
		return nil
	}
	hooks := false
	rec.Attrs(func(a slog.Attr) bool { hooks = hooks || a.Key == "answering"; return true })
	if hooks {
		l.p.hooks++
	} else {
		l.p.records++
	}
	return nil
}

// goOn makes one choice, and reports whether there was one. The last goroutine comes
// first; choosing another costs budget.
func (p *play) goOn() bool {
	synctest.Wait()
	parked := p.s.waiting()
	var options []func()
	var names []string
	add := func(name string, f func()) { options, names = append(options, f), append(names, name) }
	let := func(q *park, cost int) {
		add(q.name, func() {
			p.budget -= cost
			if q.name == "settle" && time.Now().Before(p.h.due) {
				p.settled++
			}
			p.s.release(q)
		})
	}
	cost := 0
	for _, q := range parked {
		if q.who == p.s.last {
			let(q, 0)
			cost = 1
		}
	}
	for _, q := range parked {
		if q.who != p.s.last && cost <= p.budget {
			let(q, cost)
		}
	}
	if p.ticks > 0 && !(p.ended && len(parked) == 0) {
		add("a millisecond", func() {
			p.ticks--
			time.Sleep(time.Millisecond)
		})
	}
	if p.leaves && !p.left && !p.ended {
		add("the client leaves", func() {
			p.left = true
			p.f.freeRead()
			p.cancel()
		})
	}
	if len(options) == 0 {
		return !p.ended && p.wait()
	}
	took := p.choose(len(options))
	p.trace = append(p.trace, names[took])
	options[took]()
	return true
}

// wait is for a handler that is blocked. It reports whether anything happened.
func (p *play) wait() bool {
	happened := func() bool {
		synctest.Wait()
		return p.ended || len(p.s.waiting()) > 0
	}
	for range 10 {
		time.Sleep(500 * time.Millisecond)
		if happened() {
			p.trace = append(p.trace, "a while")
			return true
		}
	}
	p.patience()
	p.trace = append(p.trace, "the client has enough")
	p.left, p.f.failed = true, true
	p.f.freeRead()
	p.f.freeWrite()
	p.cancel()
	if happened() {
		return true
	}
	p.fault("deadlock")
	return false
}

func (p *play) fault(format string, a ...any) { p.faults = append(p.faults, fmt.Sprintf(format, a...)) }
