package postgres

import (
	"context"
	"fmt"
	"time"
)

// How a store is kept within its limits.
//
// Each process adds up what it has written, as a share of the limits. At an eighth it
// deletes, in a goroutine, what has expired and what exceeds the limits: no request has
// the time for it. A sweep looks at all rows, so that there is no counter to maintain,
// and none that can be wrong.
//
// It first finds the value up to which to delete. For tags that were raised, or noted, it
// lifts a floor to that value, so that forgotten tags count as raised, or as noted. Then
// it deletes in small steps, since requests that write to the same rows wait for it.

const (
	fullShare = 1 << 30
	dueShare  = fullShare / 8
	minShare  = fullShare / 20_000 // of anything without a limit: it may still expire
	sweepTime = 30 * time.Second
)

// countWritten counts a write for the next sweep, and begins that if it is due. A write
// counts as a share of the limit of, a small one if there is no limit (0).
func (s *Store) countWritten(written, of int64) {
	share := int64(minShare)
	if of > 0 {
		share = max(share, int64(float64(written)/float64(of)*fullShare))
	}
	s.unswept.Add(share)
	s.sweepIfDue()
}

// sweepIfDue begins a sweep if one is due and none is running. At its end the sweep
// checks again, for writes that it may not have seen.
func (s *Store) sweepIfDue() {
	if s.unswept.Load() < dueShare || !s.sweeping.CompareAndSwap(false, true) {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), sweepTime)
		defer cancel()
		s.unswept.Store(0)
		if err := s.sweep(ctx); err != nil {
			s.failed.Store(&err)
		}
		s.sweeping.Store(false)
		s.sweepIfDue()
	}()
}

// lastSweep returns the error of the last sweep, once, for Set to return.
func (s *Store) lastSweep() error {
	if err := s.failed.Swap(nil); err != nil {
		return fmt.Errorf("sweeping it: %w", *err)
	}
	return nil
}

const (
	// Keeps the entries that expire last, $2 bytes of them.
	entriesSQL = `
select max(expires)
from (select expires, sum(size) over (order by expires desc) as total from apiece_entry where store = $1::text) e
where total > $2::bigint`

	// If there are more tags than $2, keeps the $3 that were raised last.
	floorSQL = `
update apiece_store set floor = greatest(floor, cut.at)
from (
	select raised as at from apiece_tag
	where store = $1::text and (select count(*) from apiece_tag where store = $1::text) > $2::bigint
	order by raised desc offset $3::bigint limit 1
) cut
where name = $1::text`

	// Of the noted tags, keeps those with the latest times.
	notedFloorSQL = `
update apiece_store set noted = greatest(noted, cut.at)
from (
	select until as at from apiece_note
	where store = $1::text and (select count(*) from apiece_note where store = $1::text and until > clock_timestamp()) > $2::bigint
	order by until desc offset $3::bigint limit 1
) cut
where name = $1::text`

	belowFloor      = `raised <= (select floor from apiece_store where name = $1::text)`
	belowNotedFloor = `until <= greatest(clock_timestamp(), (select noted from apiece_store where name = $1::text))`
	expired         = `until < clock_timestamp()`
	expiresBefore   = `expires <= greatest(clock_timestamp(), $3::timestamptz)`
)

// sweepMost is how many rows are deleted at once.
const sweepMost = 1000

// deletion returns the statement that deletes $2 rows of the store matching the
// condition. It skips locked rows.
func deletion(table, condition string) string {
	where := ` where store = $1::text and ` + condition
	return `delete from ` + table + where + ` and ctid = any(array(
		select ctid from ` + table + where + ` limit $2::bigint for update skip locked))`
}

func (s *Store) sweep(ctx context.Context) error {
	var cut *time.Time // nil if all entries have room
	if s.sizeLimit > 0 {
		if err := s.query(ctx, &cut, entriesSQL, s.name, int64(s.sizeLimit)); err != nil {
			return err
		}
	}
	if most := int64(s.maxTags); most > 0 {
		for _, sql := range []string{floorSQL, notedFloorSQL} {
			if _, err := s.exec(ctx, sql, s.name, most, most*7/8); err != nil {
				return err
			}
		}
	}
	for _, d := range []struct {
		sql  string
		more []any
	}{
		{deletion("apiece_entry", expiresBefore), []any{cut}},
		{deletion("apiece_tag", belowFloor), nil},
		{deletion("apiece_note", belowNotedFloor), nil},
		{deletion("apiece_lock", expired), nil},
	} {
		for n := int64(sweepMost); n == sweepMost; {
			var err error
			if n, err = s.exec(ctx, d.sql, append([]any{s.name, int64(sweepMost)}, d.more...)...); err != nil {
				return err
			}
		}
	}
	return nil
}
