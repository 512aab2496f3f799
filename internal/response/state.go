package response

import "sync/atomic"

// A Phase is the progress of a response with a guard. The handler's goroutine and the
// timer change it, only by compare-and-swap; neither ever waits for the other.
//
//	  ┌──────┐ 1  ┌──────┐ 2  ┌──────┐ 5  ┌──────┐
//	  │ open ├───►│ held ├───►│ sent ├───►│ done │
//	  └──────┘    └──────┘    └──────┘    └──────┘
//	  3 │ ▲ 4         6, 7 │ from open, held and sent
//	    ▼ │                ▼
//	┌─────┴─────┐ 4  ┌─────────┐
//	│ hijacking ├──► │ foreign │         taken
//	└───────────┘    └─────────┘
//
//	1 open -> held               the handler commits: status and header are fixed, the body is in memory
//	2 open, held -> sent         it flushes, fills the buffer, or completes the body: the server has it
//	3 open, held, sent -> hijacking   the handler is about to hijack the connection
//	4 hijacking -> foreign | back     it has, or it could not
//	5 any but taken -> done      the handler has returned: the bytes held back are sent
//	6 open, held, sent -> taken  the deadline has passed and no call is inside the server's writer
//	7 late -> taken              the deadline passed while calls were inside: the last to leave takes it
//
// Before sent no byte is on the wire, so the goroutine that has taken the response can
// send another; after that it can only cut it, unless it is complete. The server's
// writer is used only between enter and leave.
type Phase uint8

const (
	Open Phase = iota
	Held
	Sent
	Hijacking
	Foreign
	Done
	Taken
)

// A state is a Phase with everything that changes together with it.
type state struct{ word atomic.Uint64 }

const (
	phases uint64 = 1<<3 - 1
	late   uint64 = 1 << 3 // the deadline has passed, calls are inside
	call   uint64 = 1 << 4 // counts the calls inside the server's writer
	calls  uint64 = 1<<24 - call
	moved  uint64 = 1 << 24 // counts the moves of the deadline
)

func phaseOf(w uint64) Phase { return Phase(w & phases) }

func with(w uint64, p Phase) uint64 { return w&^phases | uint64(p) }

// handlers reports whether the response belongs to the handler.
func handlers(w uint64) bool { return phaseOf(w) <= Sent && w&late == 0 }

// Look returns the state before a step. It may have changed by then.
func (s *state) Look() Look {
	step("look")
	return Look{s.word.Load()}
}

// enter begins a call into the server's writer, which takes the phase to at least p. It
// fails if the response is not the handler's.
func (s *state) enter(p Phase) (from Phase, ok bool) {
	for {
		step("enter")
		w := s.word.Load()
		from = phaseOf(w)
		if !handlers(w) {
			return from, false
		}
		if s.word.CompareAndSwap(w, with(w, max(from, p))+call) {
			return from, true
		}
	}
}

// leave ends a call. If the deadline passed meanwhile and no other call is inside, the
// response becomes Taken: takes is true for the caller, which has to handle it, and was
// is the phase before.
func (s *state) leave() (was Phase, takes bool) {
	return s.exit(func(w uint64) uint64 { return w })
}

// hijacked ends the call that was hijacking. It leaves the phase p, unless the handler
// has returned meanwhile. A hijacked connection has no deadline.
func (s *state) hijacked(p Phase) (was Phase, takes bool) {
	return s.exit(func(w uint64) uint64 {
		if phaseOf(w) == Hijacking {
			w = with(w, p)
		}
		if p == Foreign {
			w &^= late
		}
		return w
	})
}

func (s *state) exit(change func(uint64) uint64) (was Phase, takes bool) {
	for {
		step("leave")
		w := s.word.Load()
		next := change(w) - call
		was = phaseOf(next)
		if takes = next&late != 0 && next&calls == 0 && was <= Sent; takes {
			next = with(next, Taken)
		}
		if s.word.CompareAndSwap(w, next) {
			return was, takes
		}
	}
}

// settle is the handler's last step. It fails if the response was taken, or is
// about to be.
func (s *state) settle() (was Phase, ok bool) {
	for {
		step("settle")
		w := s.word.Load()
		was = phaseOf(w)
		if was == Taken || w&late != 0 && was <= Sent {
			return was, false
		}
		if s.word.CompareAndSwap(w, with(w, Done)) {
			return was, true
		}
	}
}

// A Look is a snapshot of a response.
type Look struct{ word uint64 }

// Phase returns the phase that was seen.
func (l Look) Phase() Phase { return phaseOf(l.word) }

// Late reports whether the deadline had passed, and the response could still be taken.
func (l Look) Late() bool { return l.Phase() == Taken || l.word&late != 0 && l.Phase() < Foreign }

// Over reports whether the timer has nothing left to do.
func (l Look) Over() bool { return l.word&late != 0 || phaseOf(l.word) >= Foreign }

// An Attempt is the result of Take.
type Attempt int

const (
	Again  Attempt = iota // it has changed since the Look
	Mine                  // it now belongs to the timer
	Marked                // a call is about to hijack: if that fails, it takes the response
	Inside                // calls are inside, including the timer's: the last to leave takes it
)

// Take takes the response away from the handler if it has not changed since l. After
// [Mine] it belongs to the caller; otherwise the last call to leave tells the Owner.
// After [Inside] the caller has to call [Writer.Hurry].
func (s *state) Take(l Look) Attempt {
	step("take")
	next, attempt := (l.word|late)+call, Inside
	switch {
	case l.Phase() == Hijacking:
		next, attempt = l.word|late, Marked
	case l.word&calls == 0:
		next, attempt = with(l.word, Taken), Mine
	}
	if !s.word.CompareAndSwap(l.word, next) {
		return Again
	}
	return attempt
}

// move counts a move of the deadline, so that a timer that has already checked checks
// again. It fails if the response is not the handler's any more.
func (s *state) move(l Look) bool {
	step("move")
	return s.word.CompareAndSwap(l.word, l.word+moved)
}

// Step is called before each step of a state, unless it is nil. Tests use it to choose
// which goroutine continues.
var Step func(name string)

// Before marks a step outside of this package, before which another goroutine could
// change what the caller has seen.
func Before(name string) { step(name) }

func step(name string) {
	if Step != nil {
		Step(name)
	}
}
