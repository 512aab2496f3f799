package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// mayPass reports whether an error is temporary: of the connection, of a server that is
// being started, stopped or replaced, or of two conflicting transactions.
func mayPass(err error) bool {
	if errors.Is(err, errLost) || errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return true
	}
	switch answer.Code {
	case "57P01", "57P02", "57P03", "57P05", // stopped, crashed, or not ready; an idle connection was closed
		"53300",          // too many connections
		"25006",          // a replica, or the former primary
		"40001", "40P01": // serialization failure, deadlock
		return true
	}
	return answer.Code[:min(2, len(answer.Code))] == "08" // the connection
}

// mayPassSoon is mayPass for callers without time: a server that refuses connections will
// not accept one in the next moment.
func mayPassSoon(err error) bool {
	var away *pgconn.ConnectError
	return mayPass(err) && !errors.As(err, &away)
}

// refused reports whether the server has said that it did nothing. After any other error
// that is unknown: the connection may have broken after the statement ran.
func refused(err error) bool {
	var answer *pgconn.PgError
	// Severities above ERROR end the connection too, at any point.
	return errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR"
}

// A retry spaces out attempts, with exponential backoff and jitter: the attempts of all
// processes fail at the same moment, and should not be repeated at the same moment. It
// ends some time after the first failure, when the caller decides what to do.
type retry struct {
	within time.Duration

	until time.Time
	pause time.Duration
}

// wait pauses before the next attempt. It returns false if there is none.
func (r *retry) wait(ctx context.Context) bool {
	now := time.Now()
	if r.pause == 0 {
		r.until, r.pause = now.Add(r.within), 10*time.Millisecond
	}
	if now.After(r.until) {
		return false
	}
	pause := r.pause/2 + rand.N(r.pause)
	r.pause = min(2*r.pause, 500*time.Millisecond)
	select {
	case <-ctx.Done():
		return false
	case <-time.After(pause):
		return true
	}
}

// reset starts over, after a success.
func (r *retry) reset() { r.pause = 0 }

// attempt runs an idempotent operation until it succeeds, fails permanently, or the time
// is over.
func attempt(ctx context.Context, within time.Duration, another func(error) bool, do func() error) error {
	for again := (retry{within: within}); ; {
		err := do()
		if err == nil || ctx.Err() != nil || !another(err) || !again.wait(ctx) {
			return err
		}
	}
}
