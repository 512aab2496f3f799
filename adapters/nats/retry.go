package nats

import (
	"context"
	"math/rand/v2"
	"time"
)

// A retry spaces out attempts, with exponential backoff and jitter: the attempts of all
// processes fail at the same moment, and should not be repeated at the same moment. The
// zero retry has seen no failure.
type retry struct {
	failures int
	until    time.Time // deadline of soon
}

const shortestPause, longestPause = 10 * time.Millisecond, 500 * time.Millisecond

// patience returns how long to wait for the reply to the next attempt. It may be too
// short, since a further attempt does no harm.
func (r *retry) patience() time.Duration {
	return min(250*time.Millisecond<<min(r.failures, 10), operation)
}

// wait pauses before the next attempt. It returns false if ctx is done.
func (r *retry) wait(ctx context.Context) bool {
	pause := min(shortestPause<<min(r.failures, 10), longestPause)
	r.failures++
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause/2 + rand.N(pause)):
		return ctx.Err() == nil
	}
}

// soon is wait, but gives up 2 seconds after the first failure, when the caller decides
// what to do.
func (r *retry) soon(ctx context.Context) bool {
	now := time.Now()
	if r.failures == 0 {
		r.until = now.Add(2 * time.Second)
	}
	return now.Before(r.until) && r.wait(ctx)
}
