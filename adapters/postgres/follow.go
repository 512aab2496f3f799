package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// How a log is followed.
//
// The table is the truth. A follower reads it from its position to the end, waits, and
// reads again. Numbers become visible in order, so no later commit adds an event before
// that position. NOTIFY only signals that there is something to read, and may be lost or
// come too often: with BackplaneConfig.Poll there is none.
//
// A read also tells whether the log is still the one that was read before. If it ends
// earlier, or has another event in the place of the last, it comes from a replica or a
// backup, and numbers were used twice or are about to be. So a new log begins: which
// events were lost is unknown, but subscribers must learn that some were.

const page = 100 // events per read

var errLost = errors.New("the log was lost, and the one that has begun is empty")

// readSQL returns the events after number $3 of epoch $2, or from the first on if the log
// has another epoch; without any it returns one row all the same.
const readSQL = `
select l.epoch, l.last, mark.key, e.*
from apiece_log l
left join apiece_event mark on mark.epoch = l.epoch and l.epoch = $2::bigint and mark.seq = $3::bigint
left join lateral (
	select seq, key, topic, name, comment, data, retry,
		(extract(epoch from clock_timestamp() - at) * 1000000)::bigint as lag
	from apiece_event
	where epoch = l.epoch and seq > case when l.epoch = $2::bigint then $3::bigint else 0 end
	order by seq limit $4::bigint
) e on true
where l.name = $1::text
order by e.seq`

// forgetSQL ends the epoch of a log that has lost what was read from it, if it still has
// that epoch.
const forgetSQL = `
delete from apiece_log l
where name = $1::text and epoch = $2::bigint and (last < $3::bigint or exists (
	select from apiece_event e where e.epoch = l.epoch and seq = $3::bigint and $4::bigint <> 0 and key <> $4::bigint))`

// A querier is a pool or a connection.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// A follower is one call of Subscribe.
type follower struct {
	*Backplane
	conn    *pgx.Conn // nil when polling or disconnected
	deliver func(hub.Entry)
	again   retry

	last    delivered // the last delivered event
	known   bool      // there was a log with the epoch of last
	missing time.Time // since when there is none
	trimAt  time.Time // when to trim next
}

// Subscribe implements [hub.Backplane]. If the connection breaks it reconnects, and
// returns an error if that fails for 2 seconds. It also returns an error if the log was
// lost, and the new one is empty, or is missing for longer than Timeout.
func (b *Backplane) Subscribe(ctx context.Context, after hub.Position, deliver func(hub.Entry)) error {
	f := &follower{Backplane: b, deliver: deliver, again: retry{within: patience}, last: delivered{at: after}}
	if last := b.lastDelivered(); last.at == after {
		f.last = last
	}
	f.trimLater()
	defer f.disconnect()
	for {
		err := f.step(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			continue
		}
		f.disconnect()
		if !mayPass(err) || !f.again.wait(ctx) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("postgres: following %q: %w", b.name, err)
		}
		f.reconnected()
	}
}

// step reads a page, and waits after the last.
func (f *follower) step(ctx context.Context) error {
	if err := f.connect(ctx); err != nil {
		return err
	}
	n, err := f.read(ctx)
	if err != nil {
		return err
	}
	f.again.reset()
	more, err := f.trimNow(ctx)
	if err != nil || more || n == page {
		return err
	}
	return f.wait(ctx)
}

// connect makes the connection for NOTIFY, unless the follower polls.
func (f *follower) connect(ctx context.Context) error {
	if f.poll > 0 || f.conn != nil {
		return nil
	}
	within, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	c, err := f.pool.Acquire(within)
	if err != nil {
		return err
	}
	// Take it out of the pool, which then has room for another.
	f.conn = c.Hijack()
	_, err = f.conn.Exec(within, `listen `+f.channel)
	return err
}

func (f *follower) disconnect() {
	if f.conn == nil {
		return
	}
	// Do not wait for a server that does not respond.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = f.conn.Close(ctx)
	f.conn = nil
}

// wait returns when there may be something to read.
func (f *follower) wait(ctx context.Context) error {
	if f.conn == nil {
		select {
		case <-ctx.Done():
		case <-time.After(f.poll):
		}
		return ctx.Err()
	}
	// Pending notifications are of commits that the next read sees: one read is enough
	// for all.
	arrived, stop := context.WithCancel(ctx)
	stop()
	woken := false
	for {
		if _, err := f.conn.WaitForNotification(arrived); err != nil {
			break
		}
		woken = true
	}
	if woken {
		return nil
	}
	// The connection survives this timeout, and the next read tells whether it still
	// works.
	within, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	_, err := f.conn.WaitForNotification(within)
	if within.Err() != nil {
		return ctx.Err()
	}
	return err
}

// read reads a page of events from the log.
func (f *follower) read(ctx context.Context) (n int, err error) {
	within, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	var from querier = f.pool
	if f.conn != nil {
		from = f.conn
	}
	was, epoch, found, lost := f.last, int64(0), false, false
	rows, err := from.Query(within, readSQL, f.name, epochOf(was.at), int64(was.at.Seq), page)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for !lost && rows.Next() {
		var (
			end                     int64
			mark, seq, key          *int64
			retry, lag              *int64
			topic, name, text, data []byte
		)
		if err := rows.Scan(&epoch, &end, &mark, &seq, &key, &topic, &name, &text, &data, &retry, &lag); err != nil {
			return n, err
		}
		if !found {
			found = true
			lost = f.compare(was, position(epoch, end), mark)
		}
		if lost || seq == nil {
			break
		}
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		f.deliver(hub.Entry{Position: position(epoch, *seq), Topic: string(topic), Event: stream.Event{
			Name: string(name), Comment: string(text), Data: string(data), Retry: time.Duration(*retry),
		}})
		f.last = delivered{position(epoch, *seq), *key}
		f.setDelivered(f.last, time.Duration(*lag)*time.Microsecond)
		n++
	}
	rows.Close()
	switch {
	case rows.Err() != nil:
		return n, rows.Err()
	case lost:
		return n, f.forget(ctx, epoch, was)
	case !found && f.missing.IsZero():
		f.missing = time.Now()
	case !found && time.Since(f.missing) > f.timeout, found && n == 0 && f.last.at.Epoch != was.at.Epoch:
		if f.known {
			return n, errLost
		}
	}
	if found {
		f.known, f.missing = true, time.Time{}
	}
	return n, nil
}

// forget ends the epoch of a log. It may delete many events.
func (f *follower) forget(ctx context.Context, epoch int64, was delivered) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if _, err := f.pool.Exec(ctx, forgetSQL, f.name, epoch, int64(was.at.Seq), was.key); err != nil {
		return fmt.Errorf("the log lacks what was read from it, and a new one cannot be started: %w", err)
	}
	return errLost
}

// compare reports whether the log, which ends at end, has lost the last delivered event:
// it ends before that, or has another event in its place, whose key is mark. A nil mark
// means no event, as after trimming.
func (f *follower) compare(was delivered, end hub.Position, mark *int64) (lost bool) {
	if end.Epoch != was.at.Epoch {
		f.last = delivered{at: hub.Position{Epoch: end.Epoch}}
		return false
	}
	return end.Seq < was.at.Seq || mark != nil && was.key != 0 && *mark != was.key
}
