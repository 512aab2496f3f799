package problem

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// A Panic carries a panic from one goroutine to another, with the stack of the first,
// which the second lacks.
type Panic struct {
	Value any
	Stack []byte
}

// NewPanic returns the Panic of a value, for the deferred call that recovered it: the
// stack is still that of the panic. A value that is a *Panic has its stack already.
func NewPanic(v any) *Panic {
	if p, ok := v.(*Panic); ok {
		return p
	}
	return &Panic{Value: v, Stack: debug.Stack()}
}

// Error is the text that net/http prints for an unrecovered panic.
func (e *Panic) Error() string { return fmt.Sprintf("%v\n\n%s", e.Value, e.Stack) }

// Unwrap returns the value of the panic if it is an error.
func (e *Panic) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// LogPanic writes the record of a panic, from the deferred call that recovered it, and
// returns it as an error. The error has the value as text only: a hook that looks for
// errors with a status must not find one that was never returned.
func LogPanic(logger *slog.Logger, r *http.Request, v any, more ...slog.Attr) error {
	p := NewPanic(v)
	err := fmt.Errorf("panic: %v", p.Value)
	Log(logger, r, http.StatusInternalServerError, err, append(more, slog.String("stack", string(p.Stack)))...)
	return err
}

// LogLatePanic is LogPanic for a handler whose response was taken. That response has its
// record already, so this one is about the handler alone.
func LogLatePanic(logger *slog.Logger, r *http.Request, v any) error {
	p := NewPanic(v)
	err := fmt.Errorf("panic: %v", p.Value)
	record(logger, r, "apiece: a handler panicked after its time", []slog.Attr{slog.Any("error", err), slog.String("stack", string(p.Stack))})
	return err
}
