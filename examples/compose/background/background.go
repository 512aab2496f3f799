// Package background runs work that goes on after a response: a mail, an audit
// record, a thumbnail. It is what after() and waitUntil() are in Next.js, on a
// server that lives on.
//
//	jobs := background.New(background.Config{})
//	...
//	if err := jobs.Go(r.Context(), "mail", func(ctx context.Context) error { return mail(ctx, order) }); err != nil {
//		return err // 503: there is too much of it
//	}
//	return reply.JSON(w, r, http.StatusAccepted, order)
//	...
//	errors.Join(server.Shutdown(ctx), jobs.Shutdown(ctx)) // in this order
//
// What a goroutine alone would get wrong:
//
//   - Its number has no bound. Here a request over the bound is refused while it
//     can still be told so.
//   - A panic in it ends the process, since no middleware is around it. Here it is a
//     record in the log.
//   - The context of the request ends with the request. Here the work has one with
//     the same values, such as the user and the trace, that lasts on its own.
//   - The process ends without it. Here Shutdown waits.
//
// The work must not use the ResponseWriter or the body of the request, nor the
// files of a form, which are removed when the handler returns: take what it needs
// before. What must not be lost if the process dies belongs in a queue or an outbox
// table that outlives it; the recipe webhook has one.
package background

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"time"

	"github.com/apiece/apiece/reply"
)

// Config bounds the work. The zero value is ready to use.
type Config struct {
	// Limit is how many pieces of work run at once. One more is refused. 0 is 100.
	Limit int

	// Timeout is how long one may take before its context ends. 0 is a minute.
	Timeout time.Duration

	// Logger gets a record of each that fails or panics. Nil is slog.Default.
	Logger *slog.Logger
}

// A Group runs work and waits for it at the end.
type Group struct {
	cfg  Config
	stop context.Context // ends when Shutdown has waited long enough
	end  context.CancelCauseFunc
	idle chan struct{} // closed when the group is closed and nothing runs

	mu      sync.Mutex
	running int
	closed  bool
}

// ErrShutdown is the cause of the contexts that Shutdown ends.
var ErrShutdown = errors.New("background: the process shuts down")

// New returns a Group.
func New(cfg Config) *Group {
	g := &Group{cfg: cfg, idle: make(chan struct{})}
	g.cfg.Limit = cmp.Or(cfg.Limit, 100)
	g.cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	g.stop, g.end = context.WithCancelCause(context.Background())
	return g
}

// Go runs work at once, and does not wait for it. The context that work gets has
// the values of ctx, but does not end with it. It ends after Config.Timeout, or
// when Shutdown has waited for as long as it may. The name stands in the log.
//
// If Config.Limit are running, or after Shutdown, work does not run, and the error
// is one that a reply.HandlerFunc answers with 503.
func (g *Group) Go(ctx context.Context, name string, work func(context.Context) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.running >= g.cfg.Limit {
		return reply.NewError(http.StatusServiceUnavailable, "Please try again later").
			WithHeader("Retry-After", "5").
			WithCause(fmt.Errorf("background: no room for %s: %d are running, shut down: %t", name, g.running, g.closed))
	}
	g.running++
	go g.run(context.WithoutCancel(ctx), name, work)
	return nil
}

func (g *Group) run(ctx context.Context, name string, work func(context.Context) error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(g.stop, func() { cancel(context.Cause(g.stop)) })()
	ctx, late := context.WithTimeout(ctx, g.cfg.Timeout)
	defer late()
	log := cmp.Or(g.cfg.Logger, slog.Default()).With("work", name)
	defer func() {
		if v := recover(); v != nil {
			log.ErrorContext(ctx, "background: panic", "value", v, "stack", string(debug.Stack()))
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.running--
		g.closeIdle()
	}()
	if err := work(ctx); err != nil {
		log.ErrorContext(ctx, "background: failed", "error", err)
	}
}

// closeIdle tells Shutdown that nothing is left. g.mu is held.
func (g *Group) closeIdle() {
	if g.closed && g.running == 0 {
		select {
		case <-g.idle:
		default:
			close(g.idle)
		}
	}
}

// Shutdown refuses further work and waits for what is running. If ctx ends
// before that, it ends the context of the work and returns the cause without
// waiting further. Call it after http.Server.Shutdown, whose last handlers may
// still begin some.
func (g *Group) Shutdown(ctx context.Context) error {
	g.mu.Lock()
	g.closed = true
	g.closeIdle()
	g.mu.Unlock()
	select {
	case <-g.idle:
		return nil
	case <-ctx.Done():
		g.end(ErrShutdown)
		return context.Cause(ctx)
	}
}
