package nats_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

var benchEvent = stream.Event{Name: "post", Data: strings.Repeat("x", 200)}

// benches calls f with a server, and with a cluster of three.
func benches(b *testing.B, f func(b *testing.B, open func() hub.Backplane)) {
	b.Run("server", func(b *testing.B) {
		s := start(b)
		f(b, func() hub.Backplane { return open(b, s.ClientURL(), "bench") })
	})
	b.Run("cluster", func(b *testing.B) {
		c := startCluster(b)
		f(b, func() hub.Backplane { return openReplicated(b, c.urls, "bench") })
	})
}

// report adds the median and the 99th percentile of the measured times.
func report(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Nanoseconds())/1e3, "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Nanoseconds())/1e3, "p99-µs")
}

// The network and the machine, without a log: a round trip to the server.
func BenchmarkPing(b *testing.B) {
	conn := connect(b, start(b).ClientURL()).Conn()
	var took []time.Duration
	for b.Loop() {
		rtt, err := conn.RTT()
		if err != nil {
			b.Fatal(err)
		}
		took = append(took, rtt)
	}
	report(b, took)
}

// Writers, each with its own connection, that wait for the reply to each event.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 4} {
		b.Run(map[int]string{1: "1 writer", 4: "4 writers"}[writers], func(b *testing.B) {
			benches(b, func(b *testing.B, open func() hub.Backplane) {
				var logs []hub.Backplane
				for range writers {
					log := open()
					appendTo(b, log, "t", "x") // connects
					logs = append(logs, log)
				}
				took := make([][]time.Duration, writers)
				var work sync.WaitGroup
				b.ResetTimer()
				begun := time.Now()
				for w, log := range logs {
					work.Go(func() {
						for i := w; i < b.N; i += writers {
							begun := time.Now()
							if _, err := log.Append(b.Context(), "t", benchEvent); err != nil {
								b.Error(err)
								return
							}
							took[w] = append(took[w], time.Since(begun))
						}
					})
				}
				work.Wait()
				b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "events/s")
				report(b, slices.Concat(took...))
			})
		})
	}
}

// One event after another, from the call of Append on one connection until it is
// delivered on another.
func BenchmarkDeliver(b *testing.B) {
	benches(b, func(b *testing.B, open func() hub.Backplane) {
		from, to := open(), open()
		after := appendTo(b, from, "t", "x")
		ctx, cancel := context.WithCancel(b.Context())
		delivered, ended := make(chan bool, 1), make(chan error, 1)
		go func() { ended <- to.Subscribe(ctx, after, func(hub.Entry) { delivered <- true }) }()
		appendTo(b, from, "t", "x")
		<-delivered // connected
		var took []time.Duration
		for b.Loop() {
			begun := time.Now()
			if _, err := from.Append(b.Context(), "t", benchEvent); err != nil {
				b.Fatal(err)
			}
			<-delivered
			took = append(took, time.Since(begun))
		}
		report(b, took)
		cancel()
		<-ended
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
	var took []time.Duration
	for b.Loop() {
		written, err := buckets[0].Put(b.Context(), "tag", []byte("raised"))
		if err != nil {
			b.Fatal(err)
		}
		for _, bucket := range buckets {
			begun := time.Now()
			e, err := bucket.Get(b.Context(), "tag")
			took = append(took, time.Since(begun))
			if reads++; err != nil || e.Revision() < written {
				stale++
			}
		}
	}
	b.ReportMetric(100*float64(stale)/float64(reads), "%stale")
	report(b, took)
}
