package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware/cache"
)

// StoreConfig bounds a [Store]. Where processes that share one have different
// bounds, the smallest holds.
type StoreConfig struct {
	// MaxEntry is the largest entry that is kept, encoded: a body and some
	// hundred bytes. 0 is 2 MB, negative is no bound.
	MaxEntry bytesize.Size
	// Size is how much all entries may take together, and up to an eighth more
	// for each process. Those that expire first make room. 0 is 256 MB, negative
	// is no bound.
	Size bytesize.Size
	// Tags is how many tags are remembered to be invalidated, and of how many
	// paths it is remembered that there are entries, and up to an eighth more for
	// each process. If more are invalidated, entries older than those
	// invalidations are void, and are made again when they are asked for; if
	// there are entries of more paths, a POST to any path counts as an
	// invalidation. 0 is 65,536, negative is no bound.
	Tags int
}

// A Store holds what caches in several processes share: the entries, and what
// was invalidated. It is both a [cache.Store] and [cache.Generations], and
// belongs in both fields of a [cache.Config]. It is a [cache.Locker] as well, for
// the field of that name. In Generations alone it serves
// caches that keep their entries in memory: each makes its own, and all know
// what was invalidated anywhere.
type Store struct {
	pool     *pgxpool.Pool
	name     string
	maxEntry bytesize.Size
	size     bytesize.Size
	tags     int

	debt     atomic.Int64 // how much has been written since it was swept
	sweeping atomic.Bool
	failed   atomic.Pointer[error] // of the last sweep
}

var (
	_ cache.Store       = (*Store)(nil)
	_ cache.Generations = (*Store)(nil)
	_ cache.Locker      = (*Store)(nil)
)

// NewStore returns the store with the given name, in the tables that [Migrate]
// makes. It panics without a pool or a name. The pool is not closed.
//
// Requests wait for PostgreSQL, one that is served from the cache twice, and not
// for longer than StoreTimeout of the [cache.Config]; after that their handlers run.
// So the pool should have connections for as many as come at once.
func NewStore(pool *pgxpool.Pool, name string, cfg StoreConfig) *Store {
	check("NewStore", pool, name)
	s := &Store{
		pool:     pool,
		name:     name,
		maxEntry: bound(cfg.MaxEntry, 2*bytesize.MB),
		size:     bound(cfg.Size, 256*bytesize.MB),
		tags:     bound(cfg.Tags, 1<<16),
	}
	// Not all processes should sweep at once, and those that write little, or are
	// restarted often, should sweep as well.
	s.debt.Store(rand.Int64N(fullDebt))
	return s
}

// digest stands for a key or a tag: those may be long, and of any bytes.
func digest(of string) []byte {
	sum := sha256.Sum256([]byte(of))
	return sum[:16]
}

// brief is how long an operation of a store is tried again whose connection broke, or
// which met another. It ends before that if the cache has set it a time.
const brief = time.Second

// exec runs a statement that may be run twice.
func (s *Store) exec(ctx context.Context, sql string, args ...any) (affected int64, err error) {
	err = attempt(ctx, brief, mayPassSoon, func() error {
		tag, err := s.pool.Exec(ctx, sql, args...)
		affected = tag.RowsAffected()
		return err
	})
	return affected, err
}

// query runs a statement that returns a value, and may be run twice.
func (s *Store) query(ctx context.Context, into any, sql string, args ...any) error {
	return attempt(ctx, brief, mayPassSoon, func() error { return s.pool.QueryRow(ctx, sql, args...).Scan(into) })
}

const getSQL = `select entry from apiece_entry where store = $1::text and key = $2::bytea`

// Get implements [cache.Store].
func (s *Store) Get(ctx context.Context, key string) (*cache.Entry, error) {
	var encoded []byte
	err := s.query(ctx, &encoded, getSQL, s.name, digest(key))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("postgres: reading from %q: %w", s.name, err)
	}
	return decodeEntry(encoded), nil
}

const setSQL = `
insert into apiece_entry as e (store, key, number, expires, size, entry)
values ($1::text, $2::bytea, $3::bigint, clock_timestamp() + $4::bigint * interval '1 microsecond', $5::bigint, $6::bytea)
on conflict (store, key) do update
set number = excluded.number, expires = excluded.expires, size = excluded.size, entry = excluded.entry
where e.number <= excluded.number`

const (
	// remembered is how long the number of an entry that is of no use is kept, so
	// that a run that began earlier, and takes longer, does not store its own.
	remembered = time.Minute
	// forever is longer than anything is stored, and short enough for the sum with
	// the time that it is.
	forever = 100 * 365 * 24 * time.Hour
	// overhead is about what a row takes beside the entry.
	overhead = 150
)

// Set implements [cache.Store].
func (s *Store) Set(ctx context.Context, e *cache.Entry) error {
	encoded := encodeEntry(e)
	left := min(max(time.Until(e.Expires()), remembered), forever)
	if s.maxEntry > 0 && len(encoded) > int(s.maxEntry) {
		encoded, left = nil, remembered
	}
	size := int64(len(encoded) + overhead)
	_, err := s.exec(ctx, setSQL, s.name, digest(e.Key), int64(e.Number), left.Microseconds(), size, encoded)
	s.owe(size, int64(s.size))
	if err == nil {
		err = s.lastSweep()
	}
	if err != nil {
		return fmt.Errorf("postgres: writing to %q: %w", s.name, err)
	}
	return nil
}
