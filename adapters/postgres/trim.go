package postgres

import (
	"context"
	"math/rand/v2"
	"time"
)

// How a log is kept within its bounds.
//
// What has been forgotten shows in the first number that is left, so to trim is to
// delete from the beginning, and takes no lock that those who append or read wait
// for. It is done a part at a time, each in a transaction of its own: by Append,
// after every hundredth event, and by whoever follows the log, every now and then,
// for what AppendTx has added and for what has become old.

const (
	trimEvery = 100  // numbers
	trimMost  = 1000 // events at a time
)

// trimSQL looks at the oldest $5 events, and deletes those beyond the last $2, those
// without which the rest takes no more than $3 bytes, and those older than $4
// microseconds. 0 is no bound. Two that trim at once pass over each other's.
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

// trim deletes at most so many of the oldest events. If all of them were deleted,
// there may be more to delete.
func (b *Backplane) trim(ctx context.Context, most int64) (all bool, err error) {
	tag, err := b.pool.Exec(ctx, trimSQL, b.name, int64(b.history), int64(b.historyBytes), b.historyAge.Microseconds(), most)
	return tag.RowsAffected() == most, err
}

// trimAll trims until nothing is left to delete, for as long as an operation may
// take.
func (f *follower) trimAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	for {
		if all, err := f.trim(ctx, trimMost); !all || err != nil {
			return err
		}
	}
}

// trimLater says when to trim next. Hubs of several processes take turns by chance.
func (f *follower) trimLater() {
	f.trimAt = time.Now().Add(f.timeout/2 + rand.N(f.timeout))
}
