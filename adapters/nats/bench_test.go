package nats_test

import (
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/stream/hub"
	"github.com/apiece/apiece/stream/hub/backplanetest"
)

// BenchmarkPing is the network and the machine, without a log: a round trip to the
// server.
func BenchmarkPing(b *testing.B) {
	conn := connect(b, start(b).ClientURL()).Conn()
	for b.Loop() {
		if _, err := conn.RTT(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBackplane runs on a server, and on a cluster of three.
func BenchmarkBackplane(b *testing.B) {
	b.Run("server", func(b *testing.B) { suite(start(b).ClientURL()).Bench(b) })
	b.Run("cluster", func(b *testing.B) {
		urls := startCluster(b).urls
		backplanetest.Suite{Open: func(t testing.TB, log string) hub.Backplane {
			return openReplicated(t, urls, log)
		}}.Bench(b)
	})
}

// BenchmarkReadAfterWrite shows why there is no store for package cache here: some reads
// from a bucket that begin after a write has returned return the value before it. The
// bucket is read through each of the servers, to which different processes are connected.
func BenchmarkReadAfterWrite(b *testing.B) {
	c := startCluster(b)
	var buckets []jetstream.KeyValue
	for _, s := range c.servers {
		js := connect(b, s.ClientURL())
		bucket, err := js.CreateOrUpdateKeyValue(b.Context(), jetstream.KeyValueConfig{Bucket: "cache", Replicas: 3})
		if err != nil {
			b.Fatal(err)
		}
		buckets = append(buckets, bucket)
	}
	stale, reads := 0, 0
	for b.Loop() {
		written, err := buckets[0].Put(b.Context(), "tag", []byte("raised"))
		if err != nil {
			b.Fatal(err)
		}
		for _, bucket := range buckets {
			e, err := bucket.Get(b.Context(), "tag")
			if reads++; err != nil || e.Revision() < written {
				stale++
			}
		}
	}
	b.ReportMetric(100*float64(stale)/float64(reads), "%stale")
}
