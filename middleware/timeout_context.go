package middleware

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/response"
)

// A timeoutContext is a context whose deadline can be moved, unlike those of package
// context. Package context does the rest: the first call of Done creates one of its
// contexts as a child of this one, and all derived contexts register themselves there,
// as in any context of that package. Most handlers never call Done.
//
// It ends only in the function end, in one order: first Err returns its error, then the
// child is canceled, which closes Done. So Done is never closed while Err is nil. Err
// ensures the reverse before it returns an error.
type timeoutContext struct {
	exchange.Node // its Context is the parent

	guard *response.Guard // a hijacked connection has no deadline
	moves bool            // the deadline moves by itself, so Deadline reports none
	reads atomic.Bool     // the kit waits for the body; here, where there is room
	start time.Time
	after atomic.Int64                    // the deadline, in nanoseconds from start; 0 while none applies
	ended atomic.Pointer[context.Context] // a context that ended the way this one has
	child atomic.Pointer[child]
}

// A child is the context of package context below a timeoutContext, and its parent as
// that package sees it.
type child struct {
	*timeoutContext
	ctx       context.Context
	cancel    func()
	propagate func()      // ends ctx as the timeoutContext ended, nil if it had already ended
	unfollow  func() bool // stops following the parent
}

// canceled is a context that has ended as that of a handler that has returned.
var canceled = func() *context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return &ctx
}()

// expired returns a context that has ended at its deadline, with the cause.
func expired(cause error) *context.Context {
	ctx, cancel := context.WithDeadlineCause(context.Background(), time.Unix(1, 0), cause)
	cancel()
	return &ctx
}

// end ends the context as ctx has ended, or as the parent has if that was first. Only
// the first call has an effect.
func (tc *timeoutContext) end(ctx *context.Context) {
	if tc.Context.Err() != nil {
		ctx = &tc.Context
	}
	response.Before("end")
	tc.ended.CompareAndSwap(nil, ctx)
	response.Before("propagate")
	if c := tc.child.Load(); c != nil {
		c.finish()
	}
}

// finish may be called twice: package context ignores the second call.
func (c *child) finish() {
	if c.propagate != nil {
		c.propagate()
		c.unfollow()
	}
}

// Deadline returns when the context will end, the earlier of its deadline and the
// parent's. Package context sets no timer for a context with a later deadline, so
// Deadline reports none unless it is certain.
func (tc *timeoutContext) Deadline() (time.Time, bool) {
	parent, ok := tc.Context.Deadline()
	after := time.Duration(tc.after.Load())
	if after == 0 || tc.moves || tc.guard.Look().Phase() == response.Foreign {
		return parent, ok
	}
	if at := tc.start.Add(after); !ok || at.Before(parent) {
		return at, true
	}
	return parent, true
}

// Done returns a channel that is closed when the context ends.
func (tc *timeoutContext) Done() <-chan struct{} {
	c := tc.child.Load()
	if c == nil {
		c = &child{timeoutContext: tc}
		c.ctx, c.cancel = context.WithCancel(c)
		response.Before("child")
		if !tc.child.CompareAndSwap(nil, c) {
			c.cancel()
			c = tc.child.Load()
		}
		if tc.ended.Load() != nil {
			c.finish() // it ended between the check of package context and this one
		}
	}
	return c.ctx.Done()
}

// Err returns nil until the context ends: then context.DeadlineExceeded if the deadline
// has passed, context.Canceled once the handler has returned, or the parent's error.
func (tc *timeoutContext) Err() error {
	if tc.ended.Load() == nil {
		if tc.Context.Err() == nil {
			return nil
		}
		tc.end(&tc.Context)
	} else if c := tc.child.Load(); c != nil {
		c.finish() // by a goroutine that is between the two steps of end
	}
	return (*tc.ended.Load()).Err()
}

// Value returns the values of the parent. The child answers what package context asks
// of its own contexts: so derived contexts register with it, even through a context
// with a value, and context.Cause finds the cause.
func (tc *timeoutContext) Value(key any) any {
	if c := tc.child.Load(); c != nil {
		return c.ctx.Value(key)
	}
	return tc.value(key)
}

// value is Value without the child. A context that has ended has no values, but has a
// cause.
func (tc *timeoutContext) value(key any) any {
	if ended := tc.ended.Load(); ended != nil && ended != &tc.Context {
		if v := (*ended).Value(key); v != nil {
			return v
		}
	}
	return tc.Node.Value(key)
}

func (c *child) Value(key any) any { return c.value(key) }

func (c *child) Err() error {
	if ended := c.ended.Load(); ended != nil {
		return (*ended).Err()
	}
	return c.Context.Err()
}

// never is not nil, because nil means that the context cannot end. No goroutine waits
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

// AfterFunc is called once, by package context, for the context below.
func (c *child) AfterFunc(f func()) (stop func() bool) {
	c.propagate = f
	c.unfollow = context.AfterFunc(c.Context, func() { c.end(&c.Context) })
	return c.unfollow
}
