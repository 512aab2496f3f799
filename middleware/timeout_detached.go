package middleware

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/respw"
)

// serveDetached runs the handler on a goroutine of its own, and leaves it
// behind when the time is up.
func (t *timeout) serveDetached(next http.Handler, w http.ResponseWriter) {
	t.gone = make(chan struct{})
	// The layers outside take back what they have left in their writers, while a
	// handler that was left behind may still look for it.
	if t.w.OnError = respw.OnError(t.w.Unwrap()); t.w.OnError == nil {
		t.w.OnError = httperr.Problem
	}
	t.setAlarm()
	done := make(chan outcome, 1)
	go func() {
		var out outcome
		defer func() {
			if v := recover(); v != nil {
				out.panic = &panicError{value: v, stack: debug.Stack()}
			}
			out.fate = t.settle()
			if out.fate != finished {
				// Nobody is left to hand anything to.
				exchange.RemoveFiles(t.inside, t.outside.MultipartForm)
				if out.panic != nil && out.panic.value != http.ErrAbortHandler {
					t.logPanic(out.panic)
				}
			}
			done <- out
		}()
		next.ServeHTTP(w, t.inside)
		out.returned = true
	}()

	select {
	case <-t.gone:
		// From here on the handler owns its request, and its pattern with it.
		t.turn.Lock()
		fate := t.fate
		t.turn.Unlock()
		t.conclude(fate)
	case out := <-done:
		exchange.HandBack(t.outside, t.inside)
		switch {
		case out.fate != finished || out.returned:
			t.conclude(out.fate)
		case out.panic == nil || out.panic.value == http.ErrAbortHandler:
			panic(http.ErrAbortHandler) // also for runtime.Goexit, which ends without a panic
		default:
			panic(out.panic)
		}
	}
}

// An outcome is how a handler ended.
type outcome struct {
	returned bool
	panic    *panicError
	fate     fate
}

// A panicError carries a panic from one goroutine to another, with the stack
// of the first, which the second does not have.
type panicError struct {
	value any
	stack []byte
}

// Error is what net/http prints for a panic that nobody recovers.
func (e *panicError) Error() string { return fmt.Sprintf("%v\n\n%s", e.value, e.stack) }

// Unwrap returns the value of the panic if it is an error.
func (e *panicError) Unwrap() error {
	err, _ := e.value.(error)
	return err
}
