package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	// lease is the longest time that a lock is held: a process may end before its handler
	// does.
	lease = 10 * time.Second
	// lockWait is how long another process waits for it.
	lockWait = 5 * time.Second
	// serverTimeout is how long to wait for PostgreSQL, which unlike the lock should not
	// take its time.
	serverTimeout = time.Second
)

const (
	lockSQL = `
insert into apiece_lock as l (store, key, holder, until)
values ($1::text, $2::bytea, $3::bigint, clock_timestamp() + $4::bigint * interval '1 microsecond')
on conflict (store, key) do update set holder = excluded.holder, until = excluded.until
where l.until < clock_timestamp() or l.holder = excluded.holder`

	heldSQL = `select exists (select from apiece_lock where store = $1::text and key = $2::bytea and until > clock_timestamp())`

	unlockSQL = `delete from apiece_lock where store = $1::text and key = $2::bytea and holder = $3::bigint`
)

// Lock makes the processes that share the store fill an entry one at a time. It returns a
// function to unlock it; or, if another process was filling it, nil after that one is
// done: the entry may be in the store then.
//
// The lock saves work and guarantees nothing. A process that takes longer than 10 seconds
// loses it, and one that has waited for 5 continues without, so a handler usually runs
// once for all processes, but not always. If PostgreSQL does not respond within a second,
// Lock returns an error.
func (s *Store) Lock(ctx context.Context, key string) (unlock func(), err error) {
	at, holder := digest(key), rand.Int64()
	free, err := s.acquire(ctx, at, holder)
	if free {
		return func() {
			// Unlock even if the request is canceled; if that fails, the lease ends.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), serverTimeout)
			defer cancel()
			_, _ = s.exec(ctx, unlockSQL, s.name, at, holder)
		}, nil
	}
	// Waiting processes poll. There is at most one waiter per process, since other
	// requests wait for that one.
	until := time.Now().Add(lockWait)
	for pause := 5 * time.Millisecond; err == nil && time.Now().Before(until); pause = min(2*pause, 100*time.Millisecond) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause/2 + rand.N(pause)):
		}
		var held bool
		if held, err = s.held(ctx, at); !held {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("postgres: waiting for a lock of %q: %w", s.name, err)
	}
	return nil, nil
}

// acquire reports whether the holder has the lock now. It may be repeated.
func (s *Store) acquire(ctx context.Context, at []byte, holder int64) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	n, err := s.exec(ctx, lockSQL, s.name, at, holder, lease.Microseconds())
	s.countWritten(0, 0)
	return n > 0, err
}

func (s *Store) held(ctx context.Context, at []byte) (held bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	err = s.query(ctx, &held, heldSQL, s.name, at)
	return held, err
}
