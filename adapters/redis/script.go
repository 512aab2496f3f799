package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A script is Lua that Redis runs atomically.
type script struct{ source, sum string }

func newScript(source string) script {
	return script{source, goredis.NewScript(source).Hash()}
}

// run runs the script on a key: by its checksum, or by its source if Redis does not have
// it cached. The client does not retry it as it does other commands: a script whose reply
// was lost may have run, and the caller decides what to do then.
func (s script) run(ctx context.Context, client goredis.UniversalClient, key string, args ...any) *goredis.Cmd {
	cmd := s.send(ctx, client, "evalsha", s.sum, key, args)
	if goredis.HasErrorPrefix(cmd.Err(), "NOSCRIPT") {
		cmd = s.send(ctx, client, "eval", s.source, key, args)
	}
	return cmd
}

func (s script) send(ctx context.Context, client goredis.UniversalClient, name, what, key string, args []any) *goredis.Cmd {
	cmd := goredis.NewCmd(ctx, append([]any{name, what, 1, key}, args...)...)
	_ = client.Process(ctx, once{cmd}) // cmd has the error
	return cmd
}

// once is a command that the client does not retry.
type once struct{ *goredis.Cmd }

func (once) NoRetry() bool { return true }

// mayPass reports whether an error is temporary: of the connection, or of a server that
// is being started, replaced or moved.
func mayPass(err error) bool {
	var reply goredis.Error
	if !errors.As(err, &reply) {
		return !errors.Is(err, goredis.ErrClosed) && !errors.Is(err, errLost)
	}
	for _, prefix := range []string{"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "ERR max number of clients"} {
		if goredis.HasErrorPrefix(err, prefix) {
			return true
		}
	}
	return false
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// A retry spaces out attempts, with exponential backoff and jitter: the attempts of all
// processes fail at the same moment, and should not be repeated at the same moment. It
// ends 2 seconds after the first failure, when the caller decides what to do. The zero
// retry has seen no failure.
type retry struct {
	until time.Time
	pause time.Duration
}

// wait pauses before the next attempt. It returns false if there is none.
func (r *retry) wait(ctx context.Context) bool {
	now := time.Now()
	if r.pause == 0 {
		*r = retry{now.Add(2 * time.Second), 10 * time.Millisecond}
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
