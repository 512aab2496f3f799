package postgres

import (
	"context"
	"math/rand/v2"
	"time"
)

// How a log is kept within its limits.
//
// The first number that is left shows what was forgotten, so trimming only deletes the
// oldest events, and takes no lock that writers or readers wait for. It runs in small
// steps, each in its own transaction: in Append, after every hundredth event, and in
// followers at intervals, for events of AppendTx and for old ones.

const (
	trimEvery = 100  // numbers
	trimMost  = 1000 // events per step
)

// trimSQL looks at the oldest $5 events, and deletes those beyond the last $2, those
// without which the rest takes no more than $3 bytes, and those older than $4
// microseconds. 0 is no limit. Concurrent trims skip each other's rows.
const trimSQL = `
with cut as (
	select l.epoch, max(o.seq) as seq
	from apiece_log l
	cross join lateral (
		select seq, before, at from apiece_event where epoch = l.epoch order by seq limit $5::bigint
	) o
	where l.name = $1::text and (
		$2::bigint > 0 and o.seq <= l.last - $2::bigint
		or $3::bigint > 0 and l.bytes - o.before > $3::bigint and o.seq < l.last
		or $4::bigint > 0 and o.at < clock_timestamp() - $4::bigint * interval '1 microsecond')
	group by l.epoch
), old as (
	select e.epoch, e.seq from apiece_event e join cut on e.epoch = cut.epoch and e.seq <= cut.seq
	order by e.seq limit $5::bigint for update of e skip locked
)
delete from apiece_event e using old where e.epoch = old.epoch and e.seq = old.seq`

// trim deletes at most the given number of the oldest events. all reports that it deleted
// as many, so that there may be more.
func (b *Backplane) trim(ctx context.Context, most int64) (all bool, err error) {
	tag, err := b.pool.Exec(ctx, trimSQL, b.name, int64(b.maxHistory), int64(b.historyLimit), b.historyAge.Microseconds(), most)
	return tag.RowsAffected() == most, err
}

// trimNow trims if it is due, and reports whether there is more to do: new events go
// first.
func (f *follower) trimNow(ctx context.Context) (more bool, err error) {
	if time.Now().Before(f.trimAt) {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	if more, err = f.trim(ctx, trimMost); !more {
		f.trimLater()
	}
	return more, err
}

// trimLater schedules the next trim, jittered so that the hubs of several processes take
// turns.
func (f *follower) trimLater() {
	f.trimAt = time.Now().Add(f.timeout/2 + rand.N(f.timeout))
}
