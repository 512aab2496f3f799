package redis

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/middleware/cache"
)

//go:embed generations.lua
var generationsSource string

var _ cache.Generations = (*Store)(nil)

// Next implements [cache.Generations].
func (s *Store) Next(ctx context.Context) (uint64, error) {
	return s.generation(ctx, "next")
}

// Raise implements [cache.Generations]. Processes that share the store know of
// it at once, since each asks before it gives out an entry.
func (s *Store) Raise(ctx context.Context, n uint64, tags ...string) error {
	_, err := s.generation(ctx, "raise", prepend(tags, n, s.tags)...)
	return err
}

// Latest implements [cache.Generations].
func (s *Store) Latest(ctx context.Context, tags ...string) (uint64, error) {
	return s.generation(ctx, "latest", prepend(tags)...)
}

func (s *Store) generation(ctx context.Context, operation string, args ...any) (uint64, error) {
	n, err := s.generations.Run(ctx, s.client, []string{s.prefix + "generations"}, append([]any{operation}, args...)...).Uint64()
	if err != nil {
		return 0, fmt.Errorf("redis: generations of %q (%s): %w", s.prefix, operation, err)
	}
	return n, nil
}

// prepend returns the arguments of a script that end with the tags.
func prepend(tags []string, args ...any) []any {
	for _, tag := range tags {
		args = append(args, tag)
	}
	return args
}

// Note implements [cache.Generations].
func (s *Store) Note(ctx context.Context, tag string, until time.Time) error {
	// The longest time wins, to the second: what expires too late costs one
	// invalidation more.
	at := s.prefix + "note:" + tag
	left := time.Until(until) + time.Second
	if left <= time.Second {
		return nil
	}
	err := s.client.SetArgs(ctx, at, "", goredis.SetArgs{Mode: "NX", TTL: left}).Err()
	if err == goredis.Nil {
		err = s.client.ExpireGT(ctx, at, left).Err()
	}
	if err != nil {
		return fmt.Errorf("redis: noting a tag of %q: %w", s.prefix, err)
	}
	return nil
}

// Noted implements [cache.Generations].
func (s *Store) Noted(ctx context.Context, tag string) (bool, error) {
	n, err := s.client.Exists(ctx, s.prefix+"note:"+tag).Result()
	if err != nil {
		return false, fmt.Errorf("redis: looking for a note of %q: %w", s.prefix, err)
	}
	return n > 0, nil
}
