package shadow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync/atomic"

	"github.com/apiece/apiece/internal/problem"
)

// A comparison is one request that both handlers get. Until the primary handler has
// returned it belongs to that goroutine, then to the shadow's.
type comparison struct {
	s         *Shadow
	holdsSlot bool          // counts toward Concurrency
	request   *http.Request // for the shadow
	url       url.URL
	values    values
	body      *requestBody // nil if there is none
	route     string
	answer    recording
	parts     atomic.Int32 // background parts that have ended
}

// release frees the slot.
func (c *comparison) release() {
	if c.holdsSlot {
		c.holdsSlot = false
		<-c.s.slots
	}
}

// end is called when run ends and when the shadow ends. The last call frees the slot: a
// shadow that never returns keeps it.
func (c *comparison) end() {
	if c.parts.Add(1) == 2 {
		c.s.leave()
	}
}

// run calls the shadow, and compares.
func (c *comparison) run() {
	defer c.end()
	ctx, cancel := context.WithTimeout(c.values.context(), c.s.cfg.Timeout)
	rec := &recorder{ctx: ctx, rules: &c.s.rules, header: http.Header{}}
	rec.limit = int64(c.s.cfg.BodyLimit)
	done := make(chan error, 1)
	go func() {
		defer c.end()
		defer cancel()
		done <- c.ask(rec, c.request.WithContext(ctx))
	}()
	var d Difference
	select {
	case err := <-done:
		d = c.difference(rec, err)
	case <-ctx.Done():
		select {
		case err := <-done: // the handler has returned, which ends its context
			d = c.difference(rec, err)
		default:
			err := fmt.Errorf("shadow: no response within %v: %w", c.s.cfg.Timeout, ctx.Err())
			if ctx.Err() == context.Canceled {
				err = errors.New("shadow: the handler has ended its goroutine")
			}
			d = c.difference(nil, err)
		}
	}
	c.s.stats.compared(c.route, d)
	if d.Err != nil || len(d.Values) > 0 {
		c.report(d)
	}
}

// ask runs the shadow.
func (c *comparison) ask(rec *recorder, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if err = fmt.Errorf("shadow: the response broke off: %w", http.ErrAbortHandler); p != http.ErrAbortHandler {
				err = fmt.Errorf("shadow: panic: %v", problem.NewPanic(p))
			}
		}
	}()
	if c.s.cfg.Prepare != nil {
		c.s.cfg.Prepare(r)
	}
	c.s.other.ServeHTTP(rec, r)
	return nil
}

// difference compares the responses, if the shadow has one.
func (c *comparison) difference(rec *recorder, err error) Difference {
	d := Difference{Route: c.route, Method: c.request.Method, URL: &c.url, Err: err}
	if err == nil {
		d.Values = c.s.rules.compare(c.request.Method, &c.answer, new(rec.response()))
	}
	return d
}

// report calls Report, and recovers its panics.
func (c *comparison) report(d Difference) {
	defer func() {
		if v := recover(); v != nil {
			p := problem.NewPanic(v)
			c.s.cfg.Logger.Error("apiece: shadow: panic in Config.Report", "panic", p.Value, "stack", string(p.Stack))
		}
	}()
	if c.s.cfg.Report != nil {
		c.s.cfg.Report(d)
		return
	}
	if c.s.stats.shouldLog(c.route) {
		attrs := []any{slog.String("method", d.Method), slog.String("pattern", d.Route), slog.String("path", d.URL.Path)}
		if d.Err != nil {
			attrs = append(attrs, slog.Any("error", d.Err))
		} else {
			attrs = append(attrs, slog.Any("differences", d.Values))
		}
		c.s.cfg.Logger.Warn("apiece: shadow: another response", attrs...)
	}
}
