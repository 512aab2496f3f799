package redis

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	// lease is the longest time that a lock is held: a process may end before its handler
	// does.
	lease = 10 * time.Second
	// lockWait is how long another process waits for it.
	lockWait = 5 * time.Second
	// serverTimeout is how long to wait for Redis, which unlike the lock should not take
	// its time.
	serverTimeout = time.Second
)

// unlockSource deletes a lock if the caller still has it.
const unlockSource = `
if redis.call('GET', KEYS[1]) == ARGV[1] then
	redis.call('DEL', KEYS[1])
end
return 0`

// Lock makes the processes that share the store fill an entry one at a time. It returns a
// function to unlock it; or, if another process was filling it, nil after that one is
// done: the entry may be in the store then.
//
// The lock saves work and guarantees nothing. A process that takes longer than 10 seconds
// loses it, and one that has waited for 5 continues without, so a handler usually runs
// once for all processes, but not always. If Redis does not respond within a second, Lock
// returns an error.
func (s *Store) Lock(ctx context.Context, key string) (unlock func(), err error) {
	at, mine := s.key(key)+":lock", strconv.FormatUint(rand.Uint64(), 36)
	free, err := s.acquire(ctx, at, mine)
	if free {
		return func() {
			// Unlock even if the request is canceled; if that fails, the lease ends.
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), serverTimeout)
			defer cancel()
			_ = s.unlock.Run(ctx, s.client, []string{at}, mine).Err()
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
		return nil, fmt.Errorf("redis: waiting for a lock of %q: %w", s.prefix, err)
	}
	return nil, nil
}

func (s *Store) held(ctx context.Context, at string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	n, err := s.client.Exists(ctx, at).Result()
	return n > 0, err
}

func (s *Store) acquire(ctx context.Context, at, mine string) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, serverTimeout)
	defer cancel()
	err := s.client.SetArgs(ctx, at, mine, goredis.SetArgs{Mode: "NX", TTL: lease}).Err()
	if err == goredis.Nil {
		// The holder may be this process: the client retries if a connection breaks
		// before the reply.
		var holder string
		holder, err = s.client.Get(ctx, at).Result()
		if err == goredis.Nil || err == nil && holder != mine {
			return false, nil
		}
	}
	return err == nil, err
}
