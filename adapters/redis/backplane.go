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

// BackplaneConfig configures how much of its log a [Backplane] keeps. If processes that
// share a log have different limits, the smallest applies.
type BackplaneConfig struct {
	// MaxHistory is how many events are kept, of all topics together, plus up to a hundred.
	// 0 is 10,000, negative is no limit.
	MaxHistory int
	// HistoryLimit is how many bytes these may take, encoded; Redis adds about 50 per
	// event. The latest is kept whatever its size. 0 is 64 MB, negative is no limit.
	HistoryLimit bytesize.Size
}

// A Backplane is the log of hubs in several processes, kept in Redis: see
// [hub.Backplane].
type Backplane struct {
	client       goredis.UniversalClient
	log          script
	key          string
	maxHistory   int
	historyLimit bytesize.Size

	mu    sync.Mutex // a leaf: nothing is called with it held
	state state
}

var _ hub.Backplane = (*Backplane)(nil)

// NewBackplane returns the log with the given key. It uses that key, which holds a
// stream, and the channel of the same name, and only the commands listed in the package
// comment. It panics without a client or a key.
//
// The client is not closed, and may be shared. Besides the connections of its pool, each
// hub takes one permanently.
func NewBackplane(client goredis.UniversalClient, key string, cfg BackplaneConfig) *Backplane {
	check("NewBackplane", client, "key", key)
	return &Backplane{
		client:       client,
		log:          newScript(logSource),
		key:          key,
		maxHistory:   bound(cfg.MaxHistory, 10_000),
		historyLimit: bound(cfg.HistoryLimit, 64*bytesize.MB),
	}
}

// check panics without the arguments that every constructor needs. Services without names
// of their own would mix their data in one Redis.
func check(constructor string, client goredis.UniversalClient, what, name string) {
	if client == nil {
		panic("redis: " + constructor + " without a client")
	}
	if name == "" {
		panic("redis: " + constructor + " without a " + what)
	}
}

// bound returns a setting: 0 is the default, and negative is no limit, which is 0 in
// scripts.
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
// If the connection breaks it retries for up to 2 seconds, and never appends an event
// twice: an attempt whose reply was lost is found in the log, unless a thousand other
// events were appended since. If the connection works but no reply comes in time it does
// not retry, since the first attempt might be carried out after the second. It returns
// when the context is done, even if the client ignores that.
func (b *Backplane) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	encoded := encodeEvent(rand.Uint64(), topic, event)
	begun := b.snapshot()
	since := "" // nothing to look for at the first attempt
	for again := (retry{}); ; {
		known := b.snapshot().known
		id, err := b.run(ctx, "append", encoded, b.maxHistory, int64(b.historyLimit), since, entryID(known.at), known.mark).Text()
		if err == nil {
			at, err := parseID(id)
			if err == nil {
				b.update(func(s *state) { s.noteKnown(marked{at, string(encoded[:markSize])}) })
			}
			return at, err
		}
		if timedOut(err) || !mayPass(err) || !again.wait(ctx) {
			return hub.Position{}, fmt.Errorf("redis: appending to %q: %w", b.key, err)
		}
		since = entryID(begun.delivered.at)
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

// run runs an operation of the script. It returns once the context is done, even if the
// client waits: that heeds deadlines only if its options say so, and ignores cancellation.
// What was sent may still be carried out.
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
