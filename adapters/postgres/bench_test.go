package postgres_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

var event = stream.Event{Data: strings.Repeat("x", 200)}

// percentiles reports the median and the 99th percentile.
func percentiles(b *testing.B, took []time.Duration) {
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "us/p50")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "us/p99")
}

// On a server that waits for its disk at every commit, and on one that does not.
func disks(b *testing.B, f func(b *testing.B, s *server)) {
	b.Run("disk", func(b *testing.B) { f(b, start(b, "")) })
	b.Run("no disk", func(b *testing.B) { f(b, shared(b)) })
}

func BenchmarkAppend(b *testing.B) {
	disks(b, func(b *testing.B, s *server) {
		b.Run("ping", func(b *testing.B) {
			pool := connect(b, s.addr)
			for b.Loop() {
				if _, err := pool.Exec(b.Context(), `select 1`); err != nil {
					b.Fatal(err)
				}
			}
		})
		for _, writers := range []int{1, 4} {
			b.Run(fmt.Sprint("writers ", writers), func(b *testing.B) {
				log := postgres.NewBackplane(connect(b, s.addr), b.Name(), postgres.BackplaneConfig{})
				took := make([]time.Duration, b.N)
				var next atomic.Int64
				done := make(chan bool)
				b.ResetTimer()
				for range writers {
					go func() {
						defer func() { done <- true }()
						for i := next.Add(1) - 1; i < int64(b.N); i = next.Add(1) - 1 {
							begun := time.Now()
							if _, err := log.Append(b.Context(), "t", event); err != nil {
								b.Error(err)
							}
							took[i] = time.Since(begun)
						}
					}()
				}
				for range writers {
					<-done
				}
				percentiles(b, took)
			})
		}
		b.Run("transaction", func(b *testing.B) {
			pool := connect(b, s.addr)
			log := postgres.NewBackplane(pool, b.Name(), postgres.BackplaneConfig{})
			for b.Loop() {
				err := pgx.BeginFunc(b.Context(), pool, func(tx pgx.Tx) error {
					_, err := log.AppendTx(b.Context(), tx, "t", event)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}

// One event after another, each after the one before has arrived.
func BenchmarkDeliver(b *testing.B) {
	disks(b, func(b *testing.B, s *server) {
		from := postgres.NewBackplane(connect(b, s.addr), b.Name(), postgres.BackplaneConfig{})
		to := postgres.NewBackplane(connect(b, s.addr), b.Name(), postgres.BackplaneConfig{})
		at, _, err := to.Bounds(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.Context())
		arrived := make(chan uint64, 100)
		left := make(chan error)
		go func() { left <- to.Subscribe(ctx, at, func(e hub.Entry) { arrived <- e.Seq }) }()
		var took []time.Duration
		for b.Loop() {
			begun := time.Now()
			if _, err := from.Append(b.Context(), "t", event); err != nil {
				b.Fatal(err)
			}
			<-arrived
			took = append(took, time.Since(begun))
		}
		percentiles(b, took)
		cancel()
		<-left
	})
}

func BenchmarkStore(b *testing.B) {
	s := start(b, "")
	store := postgres.NewStore(connect(b, s.addr), b.Name(), postgres.StoreConfig{})
	e := &cache.Entry{
		Key: "key", Number: 1, Tags: []string{"a", "b"}, Status: 200, Header: http.Header{"Content-Type": {"text/html"}},
		Body: make([]byte, 4<<10), Created: time.Now(), Policy: cache.Policy{TTL: time.Hour},
	}
	for name, do := range map[string]func() error{
		"Set":    func() error { return store.Set(b.Context(), e) },
		"Get":    func() error { _, err := store.Get(b.Context(), "key"); return err },
		"Next":   func() error { _, err := store.Next(b.Context()); return err },
		"Raise":  func() error { return store.Raise(b.Context(), uint64(time.Now().UnixMicro()), "a", "b") },
		"Latest": func() error { _, err := store.Latest(b.Context(), "a", "b", "c"); return err },
		"Lock": func() error {
			unlock, err := store.Lock(b.Context(), "key")
			if err == nil {
				unlock()
			}
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if err := do(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
			}
			percentiles(b, took)
		})
	}
}
