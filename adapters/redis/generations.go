package redis

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"fmt"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

//go:embed generations.lua
var generationsSource string

var _ cache.Generations = (*Store)(nil)

// Next implements [cache.Generations].
func (s *Store) Next(ctx context.Context) (uint64, error) {
	return s.generation(ctx, "next", nil)
}

// Raise implements [cache.Generations]. Processes that share the store see it at once,
// since each asks before it serves an entry.
func (s *Store) Raise(ctx context.Context, n uint64, tags ...string) error {
	_, err := s.generation(ctx, "raise", tags, n)
	return err
}

// Latest implements [cache.Generations].
func (s *Store) Latest(ctx context.Context, tags ...string) (uint64, error) {
	return s.generation(ctx, "latest", tags)
}

// Note implements [cache.Generations]. The remaining time runs by the clock of Redis.
func (s *Store) Note(ctx context.Context, tag string, until time.Time) error {
	left := time.Until(until)
	if left <= 0 {
		return nil
	}
	// A second more, for the time on the way.
	_, err := s.generation(ctx, "note", nil, member(tag), min(left, forever).Milliseconds()+1000)
	return err
}

// forever is longer than anything is stored, and short enough to be added to the time
// since 1970.
const forever = 100 * 365 * 24 * time.Hour

// Noted implements [cache.Generations].
func (s *Store) Noted(ctx context.Context, tag string) (bool, error) {
	n, err := s.generation(ctx, "noted", []string{tag})
	return n > 0, err
}

// generation runs an operation of the script with the arguments and then the tags.
func (s *Store) generation(ctx context.Context, operation string, tags []string, args ...any) (uint64, error) {
	all := append(make([]any, 0, 2+len(args)+len(tags)), operation, s.maxTags)
	all = append(all, args...)
	for _, tag := range tags {
		all = append(all, member(tag))
	}
	n, err := s.generations.Run(ctx, s.client, []string{s.prefix + "generations"}, all...).Uint64()
	if err != nil {
		return 0, fmt.Errorf("redis: generations of %q (%s): %w", s.prefix, operation, err)
	}
	return n, nil
}

// member returns the set member for a tag: itself, or its hash if that is shorter.
// Clients may influence how long the tags of a handler are.
func member(tag string) string {
	const prefix = "#"
	if len(tag) <= len(prefix)+sha256.Size && (tag == "" || tag[0] != prefix[0]) {
		return tag
	}
	sum := sha256.Sum256([]byte(tag))
	return prefix + string(sum[:])
}
