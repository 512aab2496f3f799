package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// BackplaneConfig configures how much of its log a [Backplane] keeps, and its timeouts.
// If processes that share a log have different limits, the smallest applies.
type BackplaneConfig struct {
	// MaxHistory is how many events are kept, of all topics together, and up to a hundred
	// more; with AppendTx, plus those of one Timeout. 0 is 10,000, negative is no limit.
	MaxHistory int
	// HistoryLimit is how many bytes these may take: topics, names, comments and data;
	// PostgreSQL adds about 200 per event. The latest is kept whatever its size. 0 is 64
	// MB, negative is no limit.
	HistoryLimit bytesize.Size
	// HistoryAge is how long an event is kept, by the clock of PostgreSQL. Zero or
	// negative is no limit.
	HistoryAge time.Duration

	// Poll is how often a hub polls for new events. 0 uses LISTEN and NOTIFY instead,
	// with a dedicated connection for each hub; that does not work with a PgBouncer that
	// pools transactions. Polling needs no such connection, and commits of AppendTx do
	// not wait for each other, as NOTIFY makes them do over all databases of the server.
	// Processes that share a log should have the same value.
	Poll time.Duration
	// Timeout is how long PostgreSQL may take for one operation. A hub that waits for
	// NOTIFY also polls at this interval, so that it notices a dead connection within
	// twice the time. 0 is 5 seconds.
	Timeout time.Duration
}

// A Backplane is the log of hubs in several processes, kept in PostgreSQL: see
// [hub.Backplane].
type Backplane struct {
	pool         *pgxpool.Pool
	name         string
	channel      string // empty when polling
	maxHistory   int
	historyLimit bytesize.Size
	historyAge   time.Duration
	poll         time.Duration
	timeout      time.Duration

	mu        sync.Mutex
	delivered delivered
	stats     Stats
}

// delivered is the last delivered event, with its key.
type delivered struct {
	at  hub.Position
	key int64 // 0 if unknown
}

var _ hub.Backplane = (*Backplane)(nil)

// NewBackplane returns the log with the given name, in the tables that [Migrate] makes.
// It panics without a pool or a name.
//
// The pool is not closed, and may be shared. Unless BackplaneConfig.Poll is set, each hub
// takes a connection out of it permanently.
func NewBackplane(pool *pgxpool.Pool, name string, cfg BackplaneConfig) *Backplane {
	check("NewBackplane", pool, name)
	b := &Backplane{
		pool:         pool,
		name:         name,
		maxHistory:   bound(cfg.MaxHistory, 10_000),
		historyLimit: bound(cfg.HistoryLimit, 64*bytesize.MB),
		historyAge:   max(cfg.HistoryAge, 0),
		poll:         max(cfg.Poll, 0),
		timeout:      cfg.Timeout,
	}
	if b.timeout <= 0 {
		b.timeout = 5 * time.Second
	}
	if b.poll == 0 {
		b.channel = channelOf(name)
	}
	return b
}

// check panics without the arguments that every constructor needs. Services without names
// of their own would mix their data in one database.
func check(constructor string, pool *pgxpool.Pool, name string) {
	if pool == nil {
		panic("postgres: " + constructor + " without a pool")
	}
	if name == "" {
		panic("postgres: " + constructor + " without a name")
	}
}

// bound returns a setting: 0 is the default, and negative is no limit, which is 0 in
// statements.
func bound[T ~int | ~int64](setting, standard T) T {
	if setting == 0 {
		return standard
	}
	return max(setting, 0)
}

const (
	boundsSQL = `select epoch, last, coalesce((select min(seq) - 1 from apiece_event e where e.epoch = l.epoch), last)
		from apiece_log l where name = $1::text`
	beginSQL = `insert into apiece_log (name, epoch, last, bytes) values ($1::text, $2::bigint, 0, 0) on conflict (name) do nothing`
)

// Bounds implements [hub.Backplane]. It begins the log if there is none.
func (b *Backplane) Bounds(ctx context.Context) (last hub.Position, forgotten uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	var epoch, seq, gone int64
	err = attempt(ctx, patience, mayPass, func() error {
		read := func() error { return b.pool.QueryRow(ctx, boundsSQL, b.name).Scan(&epoch, &seq, &gone) }
		err := read()
		if errors.Is(err, pgx.ErrNoRows) {
			if _, err = b.pool.Exec(ctx, beginSQL, b.name, newEpoch()); err == nil {
				err = read()
			}
		}
		return err
	})
	if err != nil {
		return last, 0, fmt.Errorf("postgres: asking for the bounds of %q: %w", b.name, err)
	}
	return position(epoch, seq), uint64(gone), nil
}

func (b *Backplane) lastDelivered() delivered {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.delivered
}

// setDelivered notes the last delivered event, and its lag.
func (b *Backplane) setDelivered(d delivered, lag time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.delivered = d
	b.stats.LastSeq, b.stats.Lag = d.at.Seq, lag
}

// encodedSize is the size of an event for HistoryLimit.
func encodedSize(topic string, e stream.Event) int64 {
	return int64(len(topic) + len(e.Name) + len(e.Comment) + len(e.Data))
}
