package redis

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/middleware/cache"
)

// StoreConfig limits a [Store].
type StoreConfig struct {
	// EntryLimit is the size of the largest entry that is kept, encoded: a body and some
	// hundred bytes. 0 is 2 MB, negative is no limit. Limit the total in Redis, by
	// maxmemory and a policy such as allkeys-lru; it may evict any key of the Store.
	EntryLimit bytesize.Size
	// MaxTags is how many invalidated tags, and how many paths with entries, are
	// remembered. If more are invalidated, entries older than those invalidations become
	// invalid, and are made again on request; if more paths have entries, a POST to any
	// path counts as an invalidation. 0 is 65,536, negative is no limit.
	MaxTags int
}

// A Store holds what the caches of several processes share: entries and invalidations. It
// is a [cache.Store], [cache.Generations] and a [cache.Locker], for the three fields of a
// [cache.Config]. As Generations alone it serves caches that keep their entries in
// memory: each makes its own, and all see every invalidation.
type Store struct {
	client      goredis.UniversalClient
	set         *goredis.Script
	unlock      *goredis.Script
	generations *goredis.Script
	prefix      string
	entryLimit  bytesize.Size
	maxTags     int
}

var (
	_ cache.Store  = (*Store)(nil)
	_ cache.Locker = (*Store)(nil)
)

// NewStore returns a store whose keys begin with the prefix. It panics without a client
// or a prefix. The client is not closed.
//
// Requests wait for Redis, a cache hit twice, for up to StoreTimeout of the
// [cache.Config]; then their handlers run.
func NewStore(client goredis.UniversalClient, prefix string, cfg StoreConfig) *Store {
	check("NewStore", client, "prefix", prefix)
	return &Store{
		client:      client,
		set:         goredis.NewScript(setSource),
		unlock:      goredis.NewScript(unlockSource),
		generations: goredis.NewScript(generationsSource),
		prefix:      prefix,
		entryLimit:  bound(cfg.EntryLimit, 2*bytesize.MB),
		maxTags:     bound(cfg.MaxTags, 1<<16),
	}
}

// key returns the Redis key of an entry: cache keys are long, and of any bytes.
func (s *Store) key(of string) string {
	sum := sha256.Sum256([]byte(of))
	return s.prefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

// Get implements [cache.Store].
func (s *Store) Get(ctx context.Context, key string) (*cache.Entry, error) {
	encoded, err := s.client.Get(ctx, s.key(key)).Bytes()
	switch {
	case errors.Is(err, goredis.Nil):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("redis: reading from %q: %w", s.prefix, err)
	}
	return decodeEntry(encoded), nil
}

// setSource stores ARGV[2] for ARGV[3] milliseconds, unless the stored number, the first
// 20 bytes of every value, is above ARGV[1].
const setSource = `
local held = tonumber(redis.call('GETRANGE', KEYS[1], 0, 19))
if not held or held <= tonumber(ARGV[1]) then
	redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
end
return 0`

// remembered is how long the number of a useless entry is kept, so that an earlier run
// which takes longer does not store its own.
const remembered = time.Minute

// Set implements [cache.Store].
func (s *Store) Set(ctx context.Context, e *cache.Entry) error {
	encoded, err := encodeEntry(e)
	if err != nil {
		return fmt.Errorf("redis: writing to %q: %w", s.prefix, err)
	}
	keep := max(time.Until(e.Expires()), remembered)
	if s.entryLimit > 0 && len(encoded) > int(s.entryLimit) {
		encoded, keep = encoded[:numberSize], remembered
	}
	err = s.set.Run(ctx, s.client, []string{s.key(e.Key)}, e.Number, encoded, keep.Milliseconds()).Err()
	if err != nil {
		return fmt.Errorf("redis: writing to %q: %w", s.prefix, err)
	}
	return nil
}
