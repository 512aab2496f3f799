package torture_test

import (
	"context"
	"net/http"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/reply"
)

// limit is the deadline of the pieces with a short one, which late handlers miss by
// far. The others have a day, which no handler takes.
const (
	limit = 20 * time.Millisecond
	day   = 24 * time.Hour
)

// layers are the pieces that wrap handlers: here one that sends the long text.
func layers() (all []piece) {
	type layer = func(*host) func(http.Handler) http.Handler
	around := func(name string, over layer, more ...func(*piece)) {
		p := getting(piece{name: name, over: over})
		p.make = func(t *host) http.Handler { return over(t)(reply.HandlerFunc(sendLong)) }
		for _, f := range more {
			f(&p)
		}
		all = append(all, p)
	}
	stops := func(p *piece) { p.stops = true }
	recovers := func(p *piece) { p.recovers = true }
	timed := func(mode middleware.TimeoutMode, d time.Duration) layer {
		return func(t *host) func(http.Handler) http.Handler {
			return middleware.TimeoutWith(middleware.TimeoutConfig{Duration: d, Mode: mode, Logger: t.Logger()})
		}
	}
	limited := func(action middleware.LimitAction, size bytesize.Size) layer {
		return func(t *host) func(http.Handler) http.Handler {
			return middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: size, Action: action, Logger: t.Logger()})
		}
	}
	every := func(t *host, d time.Duration) func(http.Handler) http.Handler {
		return middleware.New(middleware.Config{MaxDuration: d, WarnUnresolved: true, Logger: t.Logger()})
	}

	around("middleware.Recover", func(t *host) func(http.Handler) http.Handler { return middleware.Recover(t.Logger()) }, recovers)
	around("middleware.Timeout", timed(middleware.TimeoutTotal, day))
	around("middleware.Timeout, first byte", timed(middleware.TimeoutFirstByte, day))
	around("middleware.Timeout, idle", timed(middleware.TimeoutIdle, day))
	around("middleware.Timeout, short", timed(middleware.TimeoutTotal, limit), stops)
	around("middleware.ResponseLimit, warn", limited(middleware.LimitWarn, 64*bytesize.KB))
	around("middleware.ResponseLimit, warned", limited(middleware.LimitWarn, bytesize.KB))
	around("middleware.ResponseLimit, abort", limited(middleware.LimitAbort, 64*bytesize.KB))
	around("middleware.ResponseLimit, aborted", limited(middleware.LimitAbort, bytesize.KB), func(p *piece) {
		p.status, p.want, p.records = 500, `{"title":"Internal Server Error","status":500}`, 1
	})
	around("middleware.Unresolved", func(t *host) func(http.Handler) http.Handler { return middleware.Unresolved(t.Logger()) })
	around("middleware.Methods", func(*host) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler { return middleware.Methods{"GET": h, "POST": h} }
	})
	around("middleware.New", func(t *host) func(http.Handler) http.Handler { return every(t, day) }, recovers)
	around("middleware.New, short", func(t *host) func(http.Handler) http.Handler { return every(t, limit) }, stops, recovers)
	around("middleware.New, twice", func(t *host) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler { return every(t, day)(every(t, day/2)(h)) }
	}, recovers)
	around("cache", func(t *host) func(http.Handler) http.Handler {
		c := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Store: cache.NewStore(64 * bytesize.KB), Logger: t.Logger()})
		t.atEnd = append(t.atEnd, func() { _ = c.Shutdown(context.Background()) })
		return c.Middleware
	})
	around("pattern.NewHandler", func(*host) func(http.Handler) http.Handler {
		return func(h http.Handler) http.Handler { return routes("/things/[id]", h) }
	})
	around("bodyparser.New, no body", func(t *host) func(http.Handler) http.Handler {
		return bodyparser.New(bodyparser.Config{Logger: t.Logger()})
	})
	return all
}

func sendLong(w http.ResponseWriter, r *http.Request) error { return reply.Send(w, r, 200, longText) }
