// Package background runs work after a response: a mail, an audit record, a
// thumbnail. It is the counterpart of after() and waitUntil() in Next.js, on a
// long-lived server.
//
//	jobs := background.New(background.Config{})
//	...
//	if err := jobs.Go(r.Context(), "mail", func(ctx context.Context) error { return mail(ctx, order) }); err != nil {
//		return err // 503: above the limit
//	}
//	return reply.JSON(w, r, http.StatusAccepted, order)
//	...
//	errors.Join(server.Shutdown(ctx), jobs.Shutdown(later)) // in this order, each with its own time
//
// Problems of a plain goroutine:
//
//   - Its number is unlimited. Here a request above the limit gets an error.
//   - A panic in it ends the process, since no middleware is around it. Here it is a
//     log record.
//   - The context of the request is canceled with the request. Here the work has a
//     context with the same values, such as the user and the trace, that lives on.
//   - The process exits without waiting for it. Here Shutdown waits.
//
// The work must not use the ResponseWriter, the body of the request, or the files of
// a form, which are removed when the handler returns: copy what it needs before. Work
// that must survive a crash belongs in a queue or an outbox table outside the
// process.
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

// Config limits the work. The zero value is ready to use.
type Config struct {
	// MaxRunning is the number of functions that run at once. Further ones get an error. 0 is 100.
	MaxRunning int

	// Timeout is the time before the context of a function is canceled. 0 is a minute.
	Timeout time.Duration

	// Logger gets a record for each function that fails or panics. Nil is slog.Default.
	Logger *slog.Logger
}

// A Group runs work and waits for it at shutdown.
type Group struct {
	cfg  Config
	stop context.Context // canceled when Shutdown has waited long enough
	end  context.CancelCauseFunc
	idle chan struct{} // closed when the group is closed and nothing runs

	mu      sync.Mutex
	running int
	closed  bool
}

// ErrShutdown is the cause of the contexts that Shutdown cancels.
var ErrShutdown = errors.New("background: the process shuts down")

// New returns a Group.
func New(cfg Config) *Group {
	g := &Group{cfg: cfg, idle: make(chan struct{})}
	g.cfg.MaxRunning = cmp.Or(cfg.MaxRunning, 100)
	g.cfg.Timeout = cmp.Or(cfg.Timeout, time.Minute)
	g.stop, g.end = context.WithCancelCause(context.Background())
	return g
}

// Go starts work and does not wait for it. The context of work has the values of ctx,
// but is not canceled with it. It is canceled after Config.Timeout, or when the
// context of Shutdown is done. The name is for the log.
//
// If Config.MaxRunning functions are running, or after Shutdown, work does not run, and Go
// returns an error that a reply.HandlerFunc responds to with 503.
func (g *Group) Go(ctx context.Context, name string, work func(context.Context) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || g.running >= g.cfg.MaxRunning {
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

// closeIdle tells Shutdown that no work is left. The caller holds g.mu.
func (g *Group) closeIdle() {
	if g.closed && g.running == 0 {
		select {
		case <-g.idle:
		default:
			close(g.idle)
		}
	}
}

// Shutdown rejects further work and waits for running work. If ctx is done before
// that, it cancels the context of the work and returns the cause without waiting
// further. Call it after http.Server.Shutdown, whose last handlers may still start
// work.
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
