package nats

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// mayPass reports whether an error is temporary: of the connection, or of servers that
// are being started, elected or moved.
func mayPass(err error) bool {
	for _, stays := range []error{
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload, nats.ErrHeadersNotSupported,
		errNotALog, errReplaced, errForked,
	} {
		if errors.Is(err, stays) {
			return false
		}
	}
	var answer *jetstream.APIError
	if errors.As(err, &answer) {
		return unavailable(answer) || errors.Is(err, jetstream.ErrStreamNotFound) || errors.Is(err, jetstream.ErrConsumerNotFound)
	}
	return true
}

// notTaken reports whether an error of a publication means that the server has not taken
// it, and will not.
func notTaken(err error) bool {
	for _, before := range []error{ // the client has not sent it
		nats.ErrConnectionClosed, nats.ErrConnectionDraining, nats.ErrMaxPayload, nats.ErrHeadersNotSupported,
		nats.ErrReconnectBufExceeded,
	} {
		if errors.Is(err, before) {
			return true
		}
	}
	var answer *jetstream.APIError
	return errors.As(err, &answer) && !unavailable(answer)
}

// unavailable reports whether a reply says that a retry may succeed. It does not say that
// this attempt failed: a deposed leader may have handed the message on, and it may be on
// its way into the log.
func unavailable(answer *jetstream.APIError) bool {
	const duplicateInProcess, duplicateInBatch = 10158, 10201
	return answer.Code >= 500 || answer.ErrorCode == duplicateInProcess || answer.ErrorCode == duplicateInBatch
}

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
