package main

import (
	"context"
	"errors"
	"strconv"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/examples/blog/service"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream/hub"
)

func onRedis(ctx context.Context, url string) (service.Config, func(), error) {
	opts, err := goredis.ParseURL(url)
	if err != nil {
		return service.Config{}, nil, err
	}
	opts.ContextTimeoutEnabled = true // the deadlines of requests apply to Redis too
	client := goredis.NewClient(opts)
	closeClient := func() { client.Close() }
	if err := client.Ping(ctx).Err(); err != nil {
		closeClient()
		return service.Config{}, nil, err
	}
	feed := hub.New(hub.Config{Backplane: redis.NewBackplane(client, "blog:feed", redis.BackplaneConfig{})})
	store := redis.NewStore(client, "blog:cache:", redis.StoreConfig{})
	pages := cache.Config{Store: store, Generations: store, Locker: store}
	return service.Config{Feed: feed, Posts: posts{hash{client}, feed}, Pages: pages}, closeClient, nil
}

// hash is the document in a hash of Redis, with its version.
type hash struct{ client *goredis.Client }

const hashKey = "blog:posts"

func (h hash) load(ctx context.Context) ([]byte, uint64, error) {
	fields, err := h.client.HMGet(ctx, hashKey, "version", "text").Result()
	if err != nil || fields[0] == nil {
		return nil, 0, err
	}
	version, err := strconv.ParseUint(fields[0].(string), 10, 64)
	return []byte(fields[1].(string)), version, err
}

func (h hash) swap(ctx context.Context, version uint64, text []byte) (bool, error) {
	err := h.client.Watch(ctx, func(tx *goredis.Tx) error {
		now, err := tx.HGet(ctx, hashKey, "version").Uint64()
		if err != nil && !errors.Is(err, goredis.Nil) {
			return err
		}
		if now != version {
			return goredis.TxFailedErr
		}
		_, err = tx.TxPipelined(ctx, func(p goredis.Pipeliner) error {
			p.HSet(ctx, hashKey, "version", version+1, "text", text)
			return nil
		})
		return err
	}, hashKey)
	if errors.Is(err, goredis.TxFailedErr) {
		return false, nil
	}
	return err == nil, err
}
