package redis

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// BackplaneConfig is how much of its log a [Backplane] keeps. Where processes
// that share a log have different ones, the smallest holds.
type BackplaneConfig struct {
	// History is how many events are kept, of all topics together, or up to a
	// hundred more. 0 is 10,000, negative is no bound.
	History int
	// HistoryBytes is how many bytes these may take, encoded; Redis adds some 50
	// for each. The latest is kept whatever its size. 0 is 64 MB, negative is
	// no bound.
	HistoryBytes bytesize.Size
}

// A Backplane is the log of hubs in several processes, kept in Redis: see
// [hub.Backplane].
type Backplane struct {
	client       goredis.UniversalClient
	log          script
	key          string
	history      int
	historyBytes bytesize.Size

	mu    sync.Mutex // a leaf: nothing is called with it held
	state state
}

var _ hub.Backplane = (*Backplane)(nil)

// NewBackplane returns the log with the given key. It takes that key, which
// holds a stream, and the channel of the same name, and commands only as in the
// package comment. It panics without a client or a key.
//
// The client is not closed, and may serve other purposes as well. Beside the
// connections of its pool, each hub takes one for as long as it lives.
func NewBackplane(client goredis.UniversalClient, key string, cfg BackplaneConfig) *Backplane {
	check("NewBackplane", client, "key", key)
	return &Backplane{
		client:       client,
		log:          newScript(logSource),
		key:          key,
		history:      bound(cfg.History, 10_000),
		historyBytes: bound(cfg.HistoryBytes, 64*bytesize.MB),
	}
}

// check panics unless the arguments that every constructor needs are there.
// Without a name of its own, what services keep in one Redis would mix.
func check(constructor string, client goredis.UniversalClient, what, name string) {
	if client == nil {
		panic("redis: " + constructor + " without a client")
	}
	if name == "" {
		panic("redis: " + constructor + " without a " + what)
	}
}

// bound returns a setting of which 0 is the default, and negative no bound,
// which is 0 in scripts.
func bound[T ~int | ~int64](setting, standard T) T {
	if setting == 0 {
		return standard
	}
	return max(setting, 0)
}

//go:embed log.lua
var logSource string

// Append implements [hub.Backplane].
//
// If the connection breaks it tries again, for 2 seconds at most, and does not
// append an event a second time: an attempt of which the answer was lost is
// found in the log, unless a thousand others were appended since. If there is a
// connection but no answer in time it does not try again, since the first
// attempt might be carried out after the second.
func (b *Backplane) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	encoded := encodeEvent(rand.Uint64(), topic, event)
	before := entryID(b.lastSeen().at)
	since := "" // at the first attempt there is nothing to look for
	for again := (retry{}); ; {
		id, err := b.run(ctx, "append", encoded, b.history, int64(b.historyBytes), since).Text()
		if err == nil {
			return parseID(id)
		}
		if timedOut(err) || !mayPass(err) || !again.wait(ctx) {
			return hub.Position{}, fmt.Errorf("redis: appending to %q: %w", b.key, err)
		}
		since = before
	}
}

// Bounds implements [hub.Backplane].
func (b *Backplane) Bounds(ctx context.Context) (last hub.Position, forgotten uint64, err error) {
	fields, err := b.run(ctx, "bounds").StringSlice()
	if err == nil {
		last, err = parseID(fields[0])
	}
	if err == nil {
		forgotten, err = strconv.ParseUint(fields[1], 10, 64)
	}
	if err != nil {
		return last, 0, fmt.Errorf("redis: asking for the bounds of %q: %w", b.key, err)
	}
	return last, forgotten, nil
}

// run runs an operation of the script. It returns once the context is done,
// whatever the client waits for: that looks at deadlines only if its options say
// so, and not at what is canceled. What was sent may be carried out then.
func (b *Backplane) run(ctx context.Context, operation string, args ...any) *goredis.Cmd {
	answer := make(chan *goredis.Cmd, 1)
	if ctx.Err() == nil {
		go func() {
			answer <- b.log.run(ctx, b.client, b.key, append([]any{operation, newEpoch()}, args...)...)
		}()
	}
	select {
	case cmd := <-answer:
		return cmd
	case <-ctx.Done():
		cmd := goredis.NewCmd(ctx)
		cmd.SetErr(ctx.Err())
		return cmd
	}
}
