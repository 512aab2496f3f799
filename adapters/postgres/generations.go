package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// A number is one more than the last, and at least the microseconds since 1970. No
// service takes a million of them per second; so a new sequence, after a crash of the
// server or on a replica, continues above all earlier numbers.
const clock = `(extract(epoch from clock_timestamp()) * 1000000)::bigint`

const (
	// Tags raised before the row exists are not known, so every tag counts as raised to
	// the first number.
	nextSQL = `
insert into apiece_store as s (name, last, floor, noted)
select $1::text, now, now, '-infinity' from (select ` + clock + ` as now) c
on conflict (name) do update set last = greatest(s.last + 1, ` + clock + `)
returning last`

	raiseSQL = `
insert into apiece_tag as t (store, tag, raised) select $1::text, tag, $2::bigint from unnest($3::bytea[]) tag
on conflict (store, tag) do update set raised = excluded.raised where t.raised < excluded.raised`

	// Without a row, every tag counts as raised to the current time.
	latestSQL = `
select coalesce((
	select greatest(floor, (select max(raised) from apiece_tag where store = $1::text and tag = any($2::bytea[])))
	from apiece_store where name = $1::text
), ` + clock + `)`

	noteSQL = `
insert into apiece_note as n (store, tag, until)
values ($1::text, $2::bytea, clock_timestamp() + $3::bigint * interval '1 microsecond')
on conflict (store, tag) do update set until = excluded.until where n.until < excluded.until`

	notedSQL = `
select exists (select from apiece_note where store = $1::text and tag = $2::bytea and until > clock_timestamp())
	or exists (select from apiece_store where name = $1::text and noted > clock_timestamp())`
)

// Next implements [cache.Generations].
func (s *Store) Next(ctx context.Context) (uint64, error) {
	var n int64
	err := s.query(ctx, &n, nextSQL, s.name)
	return uint64(n), s.generationError("next", err)
}

// Raise implements [cache.Generations]. Processes that share the store see it at once,
// since each asks before it serves an entry.
func (s *Store) Raise(ctx context.Context, n uint64, tags ...string) error {
	if len(tags) == 0 {
		return nil
	}
	_, err := s.exec(ctx, raiseSQL, s.name, int64(n), digests(tags))
	s.countWritten(int64(len(tags)), int64(s.maxTags))
	return s.generationError("raise", err)
}

// Latest implements [cache.Generations].
func (s *Store) Latest(ctx context.Context, tags ...string) (uint64, error) {
	var n int64
	err := s.query(ctx, &n, latestSQL, s.name, digests(tags))
	return uint64(n), s.generationError("latest", err)
}

// Note implements [cache.Generations]. The remaining time runs by the clock of
// PostgreSQL.
func (s *Store) Note(ctx context.Context, tag string, until time.Time) error {
	left := time.Until(until)
	if left <= 0 {
		return nil
	}
	left = min(left, forever) + time.Second // for the time on the way
	_, err := s.exec(ctx, noteSQL, s.name, digest(tag), left.Microseconds())
	s.countWritten(1, int64(s.maxTags))
	return s.generationError("note", err)
}

// Noted implements [cache.Generations].
func (s *Store) Noted(ctx context.Context, tag string) (noted bool, err error) {
	err = s.query(ctx, &noted, notedSQL, s.name, digest(tag))
	return noted, s.generationError("noted", err)
}

func (s *Store) generationError(operation string, err error) error {
	if err != nil {
		return fmt.Errorf("postgres: generations of %q (%s): %w", s.name, operation, err)
	}
	return nil
}

// digests returns the digests of the tags, each once, sorted, so that two concurrent
// raises do not deadlock.
func digests(tags []string) [][]byte {
	all := make([][]byte, len(tags))
	for i, tag := range tags {
		all[i] = digest(tag)
	}
	slices.SortFunc(all, slices.Compare)
	return slices.CompactFunc(all, slices.Equal)
}
