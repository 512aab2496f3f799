package middleware

import (
	"context"
	"sync"
	"time"

	"github.com/apiece/apiece/internal/exchange"
)

// A deadline is a context whose deadline can be moved, which those of package
// context cannot. Most handlers never ask a context whether it is done, so
// the channel, and the watch on the parent that closing it needs, are made by
// the first who asks.
//
// Contexts derived from it register through AfterFunc, as package context
// documents, and so cost no goroutine, unless one with a value stands between.
type deadline struct {
	exchange.Node // its Context is the parent

	state sync.Mutex // guards what follows
	at    time.Time  // zero while no deadline applies
	err   error      // once it is decided how the context ends: what Err returns
	ended bool       // and once everybody was told
	done  chan struct{}
	funcs map[*func()]struct{}
	unbar func() bool // ends the watch on the parent

	// timedOut is a context of package context's that ended with the cause.
	// context.Cause asks Value for such a context.
	timedOut context.Context
}

// Deadline returns when the context will end, the parent's deadline if that is
// earlier.
func (c *deadline) Deadline() (time.Time, bool) {
	at := c.limit()
	if parent, ok := c.Context.Deadline(); ok && (at.IsZero() || parent.Before(at)) {
		return parent, true
	}
	return at, !at.IsZero()
}

// limit returns the deadline that was set, the zero time if none applies.
func (c *deadline) limit() time.Time {
	c.state.Lock()
	defer c.state.Unlock()
	return c.at
}

// Err returns nil until the context ends: then context.DeadlineExceeded if
// that was by the deadline, context.Canceled once the handler has returned,
// or what the parent says.
func (c *deadline) Err() error {
	c.state.Lock()
	defer c.state.Unlock()
	if c.err != nil {
		return c.err
	}
	return c.Context.Err()
}

// Done returns a channel that is closed when the context ends.
func (c *deadline) Done() <-chan struct{} {
	c.state.Lock()
	defer c.state.Unlock()
	c.watch()
	return c.done
}

// Value returns the values of the parent. After the deadline it lets
// context.Cause find the cause.
func (c *deadline) Value(key any) any {
	c.state.Lock()
	timedOut := c.timedOut
	c.state.Unlock()
	if timedOut != nil {
		return timedOut.Value(key)
	}
	return c.Node.Value(key)
}

// AfterFunc has f run in its own goroutine when the context ends. Package
// context calls it for the contexts and functions that hang on this one.
func (c *deadline) AfterFunc(f func()) (stop func() bool) {
	c.state.Lock()
	defer c.state.Unlock()
	c.watch()
	if c.ended {
		go f()
		return func() bool { return false }
	}
	if c.funcs == nil {
		c.funcs = make(map[*func()]struct{})
	}
	key := &f
	c.funcs[key] = struct{}{}
	return func() bool {
		c.state.Lock()
		defer c.state.Unlock()
		_, waiting := c.funcs[key]
		delete(c.funcs, key)
		return waiting
	}
}

// watch makes the channel and follows the parent. The state is held.
func (c *deadline) watch() {
	if c.done != nil {
		return
	}
	c.done = make(chan struct{})
	if c.ended {
		close(c.done)
		return
	}
	parent := c.Context
	c.unbar = context.AfterFunc(parent, func() { c.decide(parent.Err(), nil); c.announce() })
}

// decide fixes how the context ends, unless it has ended already or the parent
// has. A cause is what context.Cause will say. Nobody is told yet.
func (c *deadline) decide(err, cause error) {
	c.state.Lock()
	defer c.state.Unlock()
	if c.err != nil {
		return
	}
	if parent := c.Context.Err(); parent != nil {
		err, cause = parent, nil
	}
	if cause != nil {
		ctx, cancel := context.WithDeadlineCause(&c.Node, time.Unix(1, 0), cause)
		defer cancel() // past its deadline already: there is nothing left to release
		c.timedOut = ctx
	}
	c.err = err
}

// announce ends the context as it was decided.
func (c *deadline) announce() {
	c.state.Lock()
	defer c.state.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	if c.done == nil {
		return
	}
	close(c.done)
	c.unbar()
	for f := range c.funcs {
		go (*f)()
	}
	c.funcs = nil
}

// move sets the deadline; the zero time is none.
func (c *deadline) move(to time.Time) {
	c.state.Lock()
	defer c.state.Unlock()
	c.at = to
}
