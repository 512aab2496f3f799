package postgres

import (
	"context"
	"fmt"
	"time"
)

// How a store is kept within its bounds.
//
// Each process adds up what it has written, as parts of what is allowed. When that
// makes an eighth, it deletes what has expired, and what is too much, by goroutine:
// no request has the time for it. What is deleted is found by looking at all that
// there is, so that nothing has to be counted, and no count can be wrong.
//
// To forget a tag that was raised, or noted, takes a floor to the height of it, in
// the same transaction. So what is forgotten counts as raised, or as noted.

const (
	fullDebt  = 1 << 30
	dueDebt   = fullDebt / 8
	smallDebt = fullDebt / 20_000 // of anything that has no bound: it may expire all the same
	sweepTime = 30 * time.Second
)

// owe adds what was written to what the next sweep is for, which it begins if it is
// time: so much, of what is allowed, or a small part if that is 0.
func (s *Store) owe(written, of int64) {
	debt := int64(smallDebt)
	if of > 0 {
		debt = max(debt, int64(float64(written)/float64(of)*fullDebt))
	}
	if s.debt.Add(debt) < dueDebt || !s.sweeping.CompareAndSwap(false, true) {
		return
	}
	s.debt.Store(0)
	go func() {
		defer s.sweeping.Store(false)
		ctx, cancel := context.WithTimeout(context.Background(), sweepTime)
		defer cancel()
		if err := s.sweep(ctx); err != nil {
			s.failed.Store(&err)
		}
	}()
}

// lastSweep returns the error of the last sweep, once. There is nobody else to tell.
func (s *Store) lastSweep() error {
	if err := s.failed.Swap(nil); err != nil {
		return fmt.Errorf("sweeping it: %w", *err)
	}
	return nil
}

const (
	expiredEntriesSQL = `delete from apiece_entry where store = $1::text and expires < clock_timestamp()`
	expiredNotesSQL   = `delete from apiece_note where store = $1::text and until < clock_timestamp()`
	expiredLocksSQL   = `delete from apiece_lock where store = $1::text and until < clock_timestamp()`

	// The entries that expire last are kept, $2 bytes of them.
	entriesSQL = `
with cut as (
	select max(expires) as at
	from (select expires, sum(size) over (order by expires desc) as total from apiece_entry where store = $1::text) e
	where total > $2::bigint
)
delete from apiece_entry e using cut where e.store = $1::text and e.expires <= cut.at`

	// If there are more than $2, those that were raised last are kept, $3 of them.
	tagsSQL = `
with cut as (
	select raised as at from apiece_tag
	where store = $1::text and (select count(*) from apiece_tag where store = $1::text) > $2::bigint
	order by raised desc offset $3::bigint limit 1
), floor as (
	update apiece_store s set floor = greatest(s.floor, cut.at) from cut where s.name = $1::text returning s.floor as at
)
delete from apiece_tag t using floor where t.store = $1::text and t.raised <= floor.at`

	// And of those that were noted, those until last.
	notesSQL = `
with cut as (
	select until as at from apiece_note
	where store = $1::text and (select count(*) from apiece_note where store = $1::text) > $2::bigint
	order by until desc offset $3::bigint limit 1
), floor as (
	update apiece_store s set noted = greatest(s.noted, cut.at) from cut where s.name = $1::text returning s.noted as at
)
delete from apiece_note n using floor where n.store = $1::text and n.until <= floor.at`
)

func (s *Store) sweep(ctx context.Context) error {
	var failed error
	exec := func(sql string, args ...any) {
		if failed == nil {
			_, failed = s.exec(ctx, sql, append([]any{s.name}, args...)...)
		}
	}
	exec(expiredEntriesSQL)
	exec(expiredNotesSQL)
	exec(expiredLocksSQL)
	if s.size > 0 {
		exec(entriesSQL, int64(s.size))
	}
	if most := int64(s.tags); most > 0 {
		exec(tagsSQL, most, most*7/8)
		exec(notesSQL, most, most*7/8)
	}
	return failed
}
