package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// appendSQL locks the row of the log, or inserts it, and takes the next number. The types
// are explicit because not every mode of a driver asks the server for them.
const (
	appendSQL = `
with log as (
	insert into apiece_log as l (name, epoch, last, bytes) values ($1::text, $2::bigint, 1, $3::bigint)
	on conflict (name) do update set last = l.last + 1, bytes = l.bytes + excluded.bytes
	returning epoch, last, bytes
), event as (
	insert into apiece_event (epoch, seq, key, at, before, topic, name, comment, data, retry)
	select epoch, last, $4::bigint, clock_timestamp(), bytes - $3::bigint, $5::bytea, $6::bytea, $7::bytea, $8::bytea, $9::bigint
	from log
)
select epoch, last`

	quietSQL  = appendSQL + ` from log`
	notifySQL = appendSQL + `, pg_notify($10::text, '')::text from log`

	findSQL = `select epoch, seq from apiece_event join apiece_log l using (epoch) where l.name = $1::text and key = $2::bigint`
)

// channelOf returns the NOTIFY channel of a log: an identifier is short, and a name may
// be long.
func channelOf(name string) string {
	sum := sha256.Sum256([]byte(name))
	return "apiece_" + hex.EncodeToString(sum[:16])
}

// An entry is an event to append.
type entry struct {
	*Backplane
	key  int64 // unique to this append
	args []any
}

func (b *Backplane) entry(topic string, e stream.Event) entry {
	key := rand.Int64N(math.MaxInt64) + 1
	args := []any{
		b.name, newEpoch(), encodedSize(topic, e), key,
		[]byte(topic), []byte(e.Name), []byte(e.Comment), []byte(e.Data), int64(e.Retry),
	}
	if b.channel != "" {
		args = append(args, b.channel)
	}
	return entry{b, key, args}
}

// insert runs the statement; query is that of a pool, or of a transaction of either kind.
func (e entry) insert(query func(sql string, args ...any) scanner) (hub.Position, error) {
	var epoch, seq int64
	var void string
	into, statement := []any{&epoch, &seq, &void}, notifySQL
	if e.channel == "" {
		into, statement = into[:2], quietSQL
	}
	if err := query(statement, e.args...).Scan(into...); err != nil {
		return hub.Position{}, err
	}
	return position(epoch, seq), nil
}

type scanner interface{ Scan(into ...any) error }

// find returns where the event is, if an attempt has added it to the log.
func (e entry) find(ctx context.Context) (hub.Position, error) {
	var epoch, seq int64
	if err := e.pool.QueryRow(ctx, findSQL, e.name, e.key).Scan(&epoch, &seq); err != nil {
		return hub.Position{}, err
	}
	return position(epoch, seq), nil
}

func (e entry) errorf(err error) error {
	return fmt.Errorf("postgres: appending to %q: %w", e.name, err)
}

// patience is how long an operation is retried after its connection broke.
const patience = 2 * time.Second

// Append implements [hub.Backplane].
//
// If the connection breaks it retries for up to 2 seconds, and never appends an event
// twice: all attempts share a key, and a log takes a key once. An error that PostgreSQL
// itself has returned means that the event is not in the log, unless an attempt whose
// connection broke is still running there. After a timeout or the 2 seconds it may be in.
func (b *Backplane) Append(ctx context.Context, topic string, event stream.Event) (hub.Position, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	e := b.entry(topic, event)
	unsure := false
	at, err := hub.Position{}, error(nil)
	for again := (retry{within: patience}); ; {
		at, err = e.insert(func(sql string, args ...any) scanner { return b.pool.QueryRow(ctx, sql, args...) })
		if err == nil {
			break
		}
		// The server may have carried out an attempt, or may still do so: the next one
		// waits for it and is refused.
		unsure = unsure || !refused(err)
		if ctx.Err() == nil && mayPass(err) && again.wait(ctx) {
			continue
		}
		if !unsure {
			return at, e.errorf(err)
		}
		found := error(nil)
		if at, found = e.find(ctx); found != nil {
			return at, e.errorf(err)
		}
		break
	}
	if at.Seq%trimEvery == 0 {
		// Errors are reported by a hub that follows the log.
		if all, err := b.trim(ctx, 2*trimEvery); all && err == nil {
			_, _ = b.trim(ctx, trimMost)
		}
	}
	return at, nil
}

// AppendTx appends an event in a transaction of the caller: it is published at the moment
// the transaction commits, and not at all if it is rolled back. The position is the one
// Append would return, and must not be used before the commit.
//
// From then on until it ends, the transaction blocks all others that append to the log.
// So call it last, and wait for nothing else in the transaction after it. READ COMMITTED,
// the default, is best: stricter transactions fail if another has appended since they
// began.
//
// Only ctx limits the time. After an error the transaction can only be rolled back. If
// the connection breaks during the commit, only the caller can find out whether the
// transaction committed; the event is published if it did.
func (b *Backplane) AppendTx(ctx context.Context, tx pgx.Tx, topic string, event stream.Event) (hub.Position, error) {
	e := b.entry(topic, event)
	at, err := e.insert(func(sql string, args ...any) scanner { return tx.QueryRow(ctx, sql, args...) })
	if err != nil {
		return at, e.errorf(err)
	}
	return at, nil
}

// AppendSQLTx is AppendTx for a transaction of database/sql, with the driver of pgx or
// another for PostgreSQL.
func (b *Backplane) AppendSQLTx(ctx context.Context, tx *sql.Tx, topic string, event stream.Event) (hub.Position, error) {
	e := b.entry(topic, event)
	at, err := e.insert(func(sql string, args ...any) scanner { return tx.QueryRowContext(ctx, sql, args...) })
	if err != nil {
		return at, e.errorf(err)
	}
	return at, nil
}
