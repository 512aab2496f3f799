package postgres

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// mayPass reports whether an error is one of the connection, of a server that is
// being started, stopped or replaced, or of two transactions that met, as opposed to
// one that another attempt would bring again.
func mayPass(err error) bool {
	if errors.Is(err, errLost) || errors.Is(err, pgx.ErrNoRows) {
		return false
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return true
	}
	switch answer.Code {
	case "57P01", "57P02", "57P03", "57P05", // it is stopped, crashed, or not ready; an idle connection was closed
		"53300",          // too many connections
		"25006",          // it is a replica, or was the primary
		"40001", "40P01": // serialization failure, deadlock
		return true
	}
	return answer.Code[:min(2, len(answer.Code))] == "08" // the connection
}

// mayPassSoon is mayPass for those who have no time: a server that takes no
// connection will not in the next moment.
func mayPassSoon(err error) bool {
	var away *pgconn.ConnectError
	return mayPass(err) && !errors.As(err, &away)
}

// refused reports whether the server has said that it did nothing. After any other
// error nobody knows: a connection may break between the deed and the answer.
func refused(err error) bool {
	var answer *pgconn.PgError
	// What is worse than an ERROR ends the connection too, at whatever point.
	return errors.As(err, &answer) && answer.SeverityUnlocalized == "ERROR"
}

// A retry spaces out attempts, each after a longer pause than the one before,
// and each client after another: those of all processes fail at the same
// moment, and should not come back at the same moment. It ends some time after
// the first failure; who waits knows better what to do then.
type retry struct {
	within time.Duration

	until time.Time
	pause time.Duration
}

// wait pauses before the next attempt. It returns false if there is to be none.
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

// reset begins again, after a success.
func (r *retry) reset() { r.pause = 0 }

// attempt does something that may be done twice until it works, or fails in a way
// that another attempt would too, for so long.
func attempt(ctx context.Context, within time.Duration, another func(error) bool, do func() error) error {
	for again := (retry{within: within}); ; {
		err := do()
		if err == nil || ctx.Err() != nil || !another(err) || !again.wait(ctx) {
			return err
		}
	}
}
