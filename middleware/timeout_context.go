package middleware

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/respw"
)

// A deadline is a context whose end can be moved, which those of package context
// cannot. Everything else that a context has to do is left to package context:
// the first call of Done makes one of its contexts, a child of this one, in which
// all that are derived register themselves, as in any of package context's. Most
// handlers never ask.
//
// It ends in one function, end, in one order: first what Err returns is there,
// then the child is told, which closes Done. So Done cannot be closed while Err
// is nil; and Err makes sure of the reverse before it returns an error.
type deadline struct {
	exchange.Node // its Context is the parent

	fence *respw.Fence // a connection that was taken over has no deadline
	moves bool         // the deadline moves by itself, and is no promise
	start time.Time
	after atomic.Int64                    // the deadline, in nanoseconds from start; 0 while none applies
	ended atomic.Pointer[context.Context] // a context that has ended, as this one has
	child atomic.Pointer[child]
}

// A child is the context of package context's below a deadline, and what that
// sees as its parent.
type child struct {
	*deadline
	ctx    context.Context
	cancel func()
	tell   func()      // has ctx end as the deadline has, nil if it had ended by then
	unbar  func() bool // no longer follows the parent
}

// canceled is how the context of a handler that has returned ends.
var canceled = func() *context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &ctx
}()

// expired returns a context that has ended by a deadline, with the cause.
func expired(cause error) *context.Context {
	ctx, cancel := context.WithDeadlineCause(context.Background(), time.Unix(1, 0), cause)
	cancel()
	return &ctx
}

// end ends the context as ctx has, or as the parent has if that was first. Only
// the first call decides.
func (d *deadline) end(ctx *context.Context) {
	if d.Context.Err() != nil {
		ctx = &d.Context
	}
	respw.Before("end")
	d.ended.CompareAndSwap(nil, ctx)
	respw.Before("tell")
	if c := d.child.Load(); c != nil {
		c.finish()
	}
}

// finish does nothing the second time: package context sees to that.
func (c *child) finish() {
	if c.tell != nil {
		c.tell()
		c.unbar()
	}
}

// Deadline returns when the context will end, the parent's deadline if that is
// earlier. Package context relies on it: it sets no timer for a context with a later
// deadline. So there is none where it is not certain.
func (d *deadline) Deadline() (time.Time, bool) {
	parent, ok := d.Context.Deadline()
	after := time.Duration(d.after.Load())
	if after == 0 || d.moves || d.fence.Look().Phase() == respw.Foreign {
		return parent, ok
	}
	if at := d.start.Add(after); !ok || at.Before(parent) {
		return at, true
	}
	return parent, true
}

// Done returns a channel that is closed when the context ends.
func (d *deadline) Done() <-chan struct{} {
	c := d.child.Load()
	if c == nil {
		c = &child{deadline: d}
		c.ctx, c.cancel = context.WithCancel(c)
		respw.Before("child")
		if !d.child.CompareAndSwap(nil, c) {
			c.cancel()
			c = d.child.Load()
		}
		if d.ended.Load() != nil {
			c.finish() // it ended between the look of package context and ours
		}
	}
	return c.ctx.Done()
}

// Err returns nil until the context ends: then context.DeadlineExceeded if
// that was by the deadline, context.Canceled once the handler has returned,
// or what the parent says.
func (d *deadline) Err() error {
	if d.ended.Load() == nil {
		if d.Context.Err() == nil {
			return nil
		}
		d.end(&d.Context)
	} else if c := d.child.Load(); c != nil {
		c.finish() // by a goroutine that is between the two steps of end
	}
	return (*d.ended.Load()).Err()
}

// Value returns the values of the parent. For what package context asks of its own
// contexts the child answers: so those derived from this one register with it,
// even if one with a value stands between, and context.Cause finds the cause.
func (d *deadline) Value(key any) any {
	if c := d.child.Load(); c != nil {
		return c.ctx.Value(key)
	}
	return d.value(key)
}

// value is Value without the child. A context that has ended has no values, but
// knows its cause.
func (d *deadline) value(key any) any {
	if ended := d.ended.Load(); ended != nil && ended != &d.Context {
		if v := (*ended).Value(key); v != nil {
			return v
		}
	}
	return d.Node.Value(key)
}

func (c *child) Value(key any) any { return c.value(key) }

func (c *child) Err() error {
	if ended := c.ended.Load(); ended != nil {
		return (*ended).Err()
	}
	return c.Context.Err()
}

// never is not nil, which would say that the context cannot end. Nothing waits
// for it: package context calls AfterFunc.
var never = make(chan struct{})

func (c *child) Done() <-chan struct{} {
	switch ended := c.ended.Load(); {
	case ended != nil:
		return (*ended).Done()
	case c.Context.Err() != nil:
		return c.Context.Done()
	}
	return never
}

// AfterFunc is called by package context, once, for the context below.
func (c *child) AfterFunc(f func()) (stop func() bool) {
	c.tell = f
	c.unbar = context.AfterFunc(c.Context, func() { c.end(&c.Context) })
	return c.unbar
}
