package main

import (
	"context"
	"errors"

	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/examples/blog/service"
	"github.com/apiece/apiece/stream/hub"
)

// onNATS shares the events and the posts. Each process caches its own pages, so a
// revalidation affects one process: package nats says why it has no store.
func onNATS(ctx context.Context, url string) (service.Config, func(), error) {
	conn, err := natsgo.Connect(url, natsgo.ReconnectBufSize(-1), natsgo.MaxReconnects(-1))
	if err != nil {
		return service.Config{}, nil, err
	}
	js, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return service.Config{}, nil, err
	}
	bucket, err := js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: "blog"})
	if err != nil {
		conn.Close()
		return service.Config{}, nil, err
	}
	feed := hub.New(hub.Config{Backplane: nats.NewBackplane(js, "blog-feed", nats.BackplaneConfig{})})
	return service.Config{Feed: feed, Posts: posts{value{bucket}, feed}}, conn.Close, nil
}

// value is the document in a NATS bucket, whose revisions are versions.
type value struct{ bucket jetstream.KeyValue }

const valueKey = "posts"

func (v value) load(ctx context.Context) ([]byte, uint64, error) {
	entry, err := v.bucket.Get(ctx, valueKey)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	return entry.Value(), entry.Revision(), nil
}

func (v value) swap(ctx context.Context, version uint64, text []byte) (bool, error) {
	_, err := v.bucket.Update(ctx, valueKey, text, version)
	if errors.Is(err, jetstream.ErrKeyExists) {
		return false, nil
	}
	return err == nil, err
}
