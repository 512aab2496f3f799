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

// StoreConfig limits a [Store]. If processes that share one have different limits, the
// smallest applies.
type StoreConfig struct {
	// EntryLimit is the size of the largest entry that is kept, encoded: a body and some
	// hundred bytes. 0 is 2 MB, negative is no limit.
	EntryLimit bytesize.Size
	// SizeLimit is how much all entries may take together, plus up to an eighth for each
	// process. Entries that expire first are dropped first. 0 is 256 MB, negative is no
	// limit.
	SizeLimit bytesize.Size
	// MaxTags is how many invalidated tags, and how many paths with entries, are
	// remembered, plus up to an eighth for each process. If more are invalidated, entries
	// older than those invalidations become invalid, and are made again on request; if
	// more paths have entries, a POST to any path counts as an invalidation. 0 is 65,536,
	// negative is no limit.
	MaxTags int
}

// A Store holds what the caches of several processes share: entries and invalidations. It
// is a [cache.Store], [cache.Generations] and a [cache.Locker], for the three fields of a
// [cache.Config]. As Generations alone it serves caches that keep their entries in
// memory: each makes its own, and all see every invalidation.
type Store struct {
	pool       *pgxpool.Pool
	name       string
	entryLimit bytesize.Size
	sizeLimit  bytesize.Size
	maxTags    int

	unswept  atomic.Int64 // written since the last sweep, as a share of the limits
	sweeping atomic.Bool
	failed   atomic.Pointer[error] // of the last sweep
}

var (
	_ cache.Store       = (*Store)(nil)
	_ cache.Generations = (*Store)(nil)
	_ cache.Locker      = (*Store)(nil)
)

// NewStore returns the store with the given name, in the tables that [Migrate] makes. It
// panics without a pool or a name. The pool is not closed.
//
// Requests wait for PostgreSQL, a cache hit twice, for up to StoreTimeout of the
// [cache.Config]; then their handlers run. So the pool should have a connection for each
// concurrent request.
func NewStore(pool *pgxpool.Pool, name string, cfg StoreConfig) *Store {
	check("NewStore", pool, name)
	s := &Store{
		pool:       pool,
		name:       name,
		entryLimit: bound(cfg.EntryLimit, 2*bytesize.MB),
		sizeLimit:  bound(cfg.SizeLimit, 256*bytesize.MB),
		maxTags:    bound(cfg.MaxTags, 1<<16),
	}
	// Random, so that processes do not all sweep at once, and those that write little, or
	// restart often, sweep as well.
	s.unswept.Store(rand.Int64N(fullShare))
	return s
}

// digest returns the hash of a key or a tag, which may be long and of any bytes.
func digest(of string) []byte {
	sum := sha256.Sum256([]byte(of))
	return sum[:16]
}

// brief is how long an operation of a store is retried after its connection broke, or
// after a conflict, within the deadline of the cache.
const brief = time.Second

// exec runs an idempotent statement.
func (s *Store) exec(ctx context.Context, sql string, args ...any) (affected int64, err error) {
	err = attempt(ctx, brief, mayPassSoon, func() error {
		tag, err := s.pool.Exec(ctx, sql, args...)
		affected = tag.RowsAffected()
		return err
	})
	return affected, err
}

// query runs an idempotent statement that returns a value.
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
	e := new(cache.Entry)
	if e.UnmarshalBinary(encoded) != nil {
		return nil, nil // a number alone, or what a process of another version wrote
	}
	return e, nil
}

const setSQL = `
insert into apiece_entry as e (store, key, number, expires, size, entry)
values ($1::text, $2::bytea, $3::bigint, clock_timestamp() + $4::bigint * interval '1 microsecond', $5::bigint, $6::bytea)
on conflict (store, key) do update
set number = excluded.number, expires = excluded.expires, size = excluded.size, entry = excluded.entry
where e.number <= excluded.number`

const (
	// remembered is how long the number of a useless entry is kept, so that an earlier
	// run which takes longer does not store its own.
	remembered = time.Minute
	// forever is longer than anything is stored, and short enough to be added to a time.
	forever = 100 * 365 * 24 * time.Hour
	// overhead is about what a row takes besides the entry, in bytes.
	overhead = 150
)

// Set implements [cache.Store].
func (s *Store) Set(ctx context.Context, e *cache.Entry) error {
	encoded, err := e.MarshalBinary()
	if err != nil {
		return fmt.Errorf("postgres: writing to %q: %w", s.name, err)
	}
	left := min(max(time.Until(e.Expires()), remembered), forever)
	if s.entryLimit > 0 && len(encoded) > int(s.entryLimit) {
		encoded, left = nil, remembered
	}
	size := int64(len(encoded) + overhead)
	_, err = s.exec(ctx, setSQL, s.name, digest(e.Key), int64(e.Number), left.Microseconds(), size, encoded)
	s.countWritten(size, int64(s.sizeLimit))
	if err == nil {
		err = s.lastSweep()
	}
	if err != nil {
		return fmt.Errorf("postgres: writing to %q: %w", s.name, err)
	}
	return nil
}
