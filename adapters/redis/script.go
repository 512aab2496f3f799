package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// A script is Lua that runs in Redis as one step.
type script struct{ source, sum string }

func newScript(source string) script {
	return script{source, goredis.NewScript(source).Hash()}
}

// run runs the script on a key: by its checksum, as Redis keeps what it has run
// once, and by its source if that was forgotten. The client does not repeat it,
// whatever it does with other commands: a script whose answer was lost may have
// run, and what to do then is for the caller to say.
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

// once is a command that the client does not repeat.
type once struct{ *goredis.Cmd }

func (once) NoRetry() bool { return true }

// mayPass reports whether an error is one of the connection, or of a server that
// is being started, replaced or moved, as opposed to one that another attempt
// would bring again.
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

// A retry spaces out attempts, each after a longer pause than the one before,
// and each client after another: those of all processes fail at the same
// moment, and should not come back at the same moment. It ends 2 seconds after
// the first failure; whoever waits knows better what to do then. The zero
// retry has seen none.
type retry struct {
	until time.Time
	pause time.Duration
}

// wait pauses before the next attempt. It returns false if there is to be none.
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
