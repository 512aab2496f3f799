package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// A backend asks the Store, the Generations and the Locker of a cache. They are other
// packages' code, and may be on another machine: each operation has a deadline, and a
// circuit breaker keeps requests from waiting for a machine that does not respond.
//
//	          1 an operation times out
//	┌─────────┐─────────────────────────────────►┌──────┐
//	│ closed  │                                  │ open │◄─┐
//	└─────────┘◄─────────┐                       └──┬───┘  │ 4 it times out
//	                   3 │ it returns               │ 2 the pause is over: one operation
//	                  ┌──┴───────┐◄─────────────────┘      │
//	                  │ halfOpen │─────────────────────────┘
//	                  └──────────┘
//
// In the states open and halfOpen every other operation fails at once, with
// errBreakerOpen.
// The pause begins with a second and doubles up to half a minute.
//
// An operation that returns an error has returned: it leaves the breaker as it is. Each
// change between "all operations work" and "some fail" is logged once, and so is each
// change into and out of the state closed.
//
// mu is a leaf: nothing is called with it held.
type backend struct {
	store       Store
	gens        Generations
	locker      Locker // nil if there is none
	timeout     time.Duration
	lockTimeout time.Duration // how long another process may hold a lock; negative for no limit
	logger      *slog.Logger

	mu      sync.Mutex
	breaker breaker
	until   time.Time     // open: when the next operation is tried
	pause   time.Duration // the last one
	opened  chan struct{} // closed on the way from closed to open
	failing uint          // a bit for each operation that last returned an error
}

type breaker int

const (
	closed breaker = iota
	open
	halfOpen
)

// An operation is one of those of the Store, the Generations and the Locker.
type operation uint

const (
	opGet operation = iota
	opSet
	opNext
	opRaise
	opLatest
	opNote
	opNoted
	opLock
)

var operationNames = [...]string{"Store.Get", "Store.Set", "Generations.Next", "Generations.Raise", "Generations.Latest",
	"Generations.Note", "Generations.Noted", "Locker"}

func (op operation) String() string { return operationNames[op] }

const (
	defaultStoreTimeout = 250 * time.Millisecond
	firstPause          = time.Second
	longestPause        = 30 * time.Second
)

var (
	errBreakerOpen = errors.New("cache: the store timed out, and is not used for a while")
	errNumberZero  = errors.New("cache: Generations.Next returned 0")
)

func newBackend(cfg Config) *backend {
	b := &backend{
		store:       cfg.Store,
		gens:        cfg.Generations,
		locker:      cfg.Locker,
		timeout:     cmp.Or(cfg.StoreTimeout, defaultStoreTimeout),
		lockTimeout: cfg.FillTimeout,
		logger:      cfg.Logger,
		opened:      make(chan struct{}),
	}
	if b.store == nil {
		b.store = NewStore(0)
	}
	if b.gens == nil {
		b.gens = NewGenerations(0)
	}
	return b
}

// do runs the operation f. Operations on this process's memory run directly, all others
// in a goroutine, since a client that hangs may ignore its context.
func do[T any](b *backend, ctx context.Context, op operation, f func(context.Context) (T, error)) (T, error) {
	var none T
	probe, err := b.admit()
	if err != nil {
		return none, err
	}
	if b.timeout < 0 {
		v, err := call(ctx, op, f)
		b.returned(op, probe, err)
		return v, err
	}
	within, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	type reply struct {
		v   T
		err error
	}
	replies := make(chan reply, 1)
	go func() {
		a := reply{err: fmt.Errorf("cache: %v ended its goroutine", op)}
		defer func() { replies <- a }()
		a.v, a.err = call(within, op, f)
	}()
	select {
	case a := <-replies:
		if within.Err() == nil || a.err == nil {
			b.returned(op, probe, a.err)
			return a.v, a.err
		}
	case <-within.Done():
	}
	if err := ctx.Err(); err != nil { // the caller is gone, which says nothing about the store
		b.forget(probe)
		return none, err
	}
	b.timedOut(op, probe)
	return none, fmt.Errorf("cache: %v did not respond within %v", op, b.timeout)
}

// call runs an operation and turns a panic into an error: in a goroutine of ours it would
// end the process, and in a request's it would leave others waiting.
func call[T any](ctx context.Context, op operation, f func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cache: %v panicked: %v", op, p)
		}
	}()
	return f(ctx)
}

// admit reports whether an operation may begin, and whether it is the probe that finds
// out if the store responds again.
func (b *backend) admit() (probe bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.breaker == closed:
		return false, nil
	case b.breaker == open && !time.Now().Before(b.until): // 2
		b.breaker = halfOpen
		return true, nil
	}
	return false, errBreakerOpen
}

// timedOut notes that an operation timed out.
func (b *backend) timedOut(op operation, probe bool) {
	b.mu.Lock()
	if b.breaker != closed && !probe {
		b.mu.Unlock()
		return // begun before the breaker opened
	}
	first := b.breaker == closed
	b.pause = min(max(2*b.pause, firstPause), longestPause)
	b.breaker, b.until = open, time.Now().Add(b.pause) // 1, 4
	opened := b.opened
	b.mu.Unlock()
	if first {
		close(opened)
		b.log().Warn("apiece: cache: the store timed out, and is not used until it responds", "operation", op.String(), "timeout", b.timeout)
	}
}

// returned notes the result of an operation.
func (b *backend) returned(op operation, probe bool, err error) {
	if errors.Is(err, context.Canceled) {
		b.forget(probe)
		return
	}
	b.mu.Lock()
	before, again := b.failing, probe
	if b.failing |= 1 << op; err == nil {
		b.failing &^= 1 << op
	}
	after := b.failing
	if probe { // 3
		b.breaker, b.pause, b.opened = closed, 0, make(chan struct{})
	}
	b.mu.Unlock()
	switch {
	case before == 0 && after != 0:
		b.log().Warn("apiece: cache: a store operation failed", "operation", op.String(), "error", err)
	case again:
		b.log().Info("apiece: cache: the store responds again")
	case before != 0 && after == 0:
		b.log().Info("apiece: cache: all store operations succeed again")
	}
}

// forget ends an operation that said nothing about the store. The next one is the probe.
func (b *backend) forget(probe bool) {
	if probe {
		b.mu.Lock()
		b.breaker = open
		b.mu.Unlock()
	}
}

func (b *backend) log() *slog.Logger { return cmp.Or(b.logger, slog.Default()) }

// Get returns the entry under the key, nil if there is none.
func (b *backend) Get(ctx context.Context, key string) (e *Entry, err error) {
	if s, ok := b.store.(*store); ok {
		e, err = s.Get(ctx, key)
	} else {
		e, err = do(b, ctx, opGet, func(ctx context.Context) (*Entry, error) { return b.store.Get(ctx, key) })
	}
	if err != nil || e == nil || e.Key != key {
		return nil, err
	}
	return e, nil
}

func (b *backend) Set(ctx context.Context, e *Entry) error {
	if s, ok := b.store.(*store); ok {
		return s.Set(ctx, e)
	}
	_, err := do(b, ctx, opSet, func(ctx context.Context) (struct{}, error) { return struct{}{}, b.store.Set(ctx, e) })
	return err
}

func (b *backend) Next(ctx context.Context) (uint64, error) {
	if g, ok := b.gens.(*generations); ok {
		return g.Next(ctx)
	}
	n, err := do(b, ctx, opNext, b.gens.Next)
	if err == nil && n == 0 {
		err = errNumberZero // with which nothing would ever be raised
	}
	return n, err
}

func (b *backend) Latest(ctx context.Context, tags ...string) (uint64, error) {
	if g, ok := b.gens.(*generations); ok {
		return g.Latest(ctx, tags...)
	}
	return do(b, ctx, opLatest, func(ctx context.Context) (uint64, error) { return b.gens.Latest(ctx, tags...) })
}

func (b *backend) Raise(ctx context.Context, n uint64, tags ...string) error {
	if g, ok := b.gens.(*generations); ok {
		return g.Raise(ctx, n, tags...)
	}
	_, err := do(b, ctx, opRaise, func(ctx context.Context) (struct{}, error) { return struct{}{}, b.gens.Raise(ctx, n, tags...) })
	return err
}

func (b *backend) Note(ctx context.Context, tag string, until time.Time) error {
	if g, ok := b.gens.(*generations); ok {
		return g.Note(ctx, tag, until)
	}
	_, err := do(b, ctx, opNote, func(ctx context.Context) (struct{}, error) { return struct{}{}, b.gens.Note(ctx, tag, until) })
	return err
}

func (b *backend) Noted(ctx context.Context, tag string) (bool, error) {
	if g, ok := b.gens.(*generations); ok {
		return g.Noted(ctx, tag)
	}
	return do(b, ctx, opNoted, func(ctx context.Context) (bool, error) { return b.gens.Noted(ctx, tag) })
}

// Lock keeps other processes from filling the entry, if there is a Locker. It reports
// false if another process was filling it and is done. A Locker exists to wait, so Lock
// has more time than other operations: what another handler may take. It is abandoned
// after that, and when the breaker opens.
func (b *backend) Lock(ctx context.Context, key string) (unlock func(), ok bool) {
	b.mu.Lock()
	shut, opened := b.breaker != closed, b.opened
	b.mu.Unlock()
	if b.locker == nil || shut {
		return nil, true
	}
	type reply struct {
		unlock func()
		err    error
	}
	ctx, cancel := context.WithCancel(ctx)
	replies := make(chan reply)
	left := make(chan struct{})
	go func() {
		a := reply{err: fmt.Errorf("cache: %v ended its goroutine", opLock)}
		defer func() {
			select {
			case replies <- a:
			case <-left:
				if a.unlock != nil {
					b.unlock(a.unlock, cancel)
				}
			}
		}()
		a.unlock, a.err = call(ctx, opLock, func(ctx context.Context) (func(), error) { return b.locker.Lock(ctx, key) })
	}()
	var over <-chan time.Time
	if b.lockTimeout > 0 {
		t := time.NewTimer(b.lockTimeout)
		defer t.Stop()
		over = t.C
	}
	select {
	case a := <-replies:
		b.returned(opLock, false, a.err)
		if a.unlock == nil {
			cancel()
			return nil, a.err != nil
		}
		return func() { b.unlock(a.unlock, cancel) }, true
	case <-over:
		b.returned(opLock, false, fmt.Errorf("cache: %v did not respond within %v", opLock, b.lockTimeout))
	case <-opened:
	case <-ctx.Done():
	}
	close(left)
	cancel()
	return nil, true
}

// unlock always unlocks, and waits for that as for other operations.
func (b *backend) unlock(unlock, then func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer then()
		defer func() {
			if v := recover(); v != nil {
				b.returned(opLock, false, fmt.Errorf("cache: %v panicked: %v", opLock, v))
			}
		}()
		unlock()
	}()
	if b.timeout < 0 {
		<-done
		return
	}
	t := time.NewTimer(b.timeout)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}
