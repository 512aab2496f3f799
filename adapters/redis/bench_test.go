package redis_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// hubs calls the function with a hub in memory, and with two that share a log.
func hubs(b *testing.B, f func(b *testing.B, from, to *hub.Hub)) {
	b.Run("memory", func(b *testing.B) {
		h := hub.New(hub.Config{})
		defer h.Shutdown(context.Background())
		f(b, h, h)
	})
	b.Run("redis", func(b *testing.B) {
		addr := start(b).addr
		var hubs [2]*hub.Hub
		for i := range hubs {
			hubs[i] = hub.New(hub.Config{Backplane: redis.NewBackplane(connect(b, addr), "log", redis.BackplaneConfig{})})
			defer hubs[i].Shutdown(context.Background())
		}
		f(b, hubs[0], hubs[1])
	})
}

var event = stream.Event{Data: strings.Repeat("x", 200)}

// A counter is a client that counts the events it is sent.
type counter struct {
	header http.Header
	events atomic.Int64
	wrote  chan bool // has room for one
}

func newCounter() *counter {
	return &counter{header: make(http.Header), wrote: make(chan bool, 1)}
}

func (c *counter) Header() http.Header { return c.header }
func (c *counter) WriteHeader(int)     {}
func (c *counter) Flush()              {}

func (c *counter) Write(p []byte) (int, error) {
	c.events.Add(int64(strings.Count(string(p), "data: ")))
	select {
	case c.wrote <- true:
	default:
	}
	return len(p), nil
}

// One publisher, who waits for each to be taken; and one who does no more than
// ask Redis whether it is there.
func BenchmarkPublish(b *testing.B) {
	b.Run("ping", func(b *testing.B) {
		client := connect(b, start(b).addr)
		for b.Loop() {
			if err := client.Ping(b.Context()).Err(); err != nil {
				b.Fatal(err)
			}
		}
	})
	hubs(b, func(b *testing.B, from, _ *hub.Hub) {
		for b.Loop() {
			if _, err := from.Publish(b.Context(), "t", event); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// 16 publishers at once, until a subscriber, of another process if there is one,
// has everything.
func BenchmarkDeliver(b *testing.B) {
	hubs(b, func(b *testing.B, from, to *hub.Hub) {
		ctx, cancel := context.WithCancel(b.Context())
		client := newCounter()
		served := make(chan error)
		go func() {
			served <- to.Serve(client, httptest.NewRequestWithContext(ctx, "GET", "/", nil),
				hub.Subscription{Topics: []string{"t"}, Overflow: hub.DropOldest})
		}()
		eventually(b, "the subscriber is there", func() bool { return to.Stats().Subscribers == 1 })
		b.SetParallelism(8)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := from.Publish(b.Context(), "t", event); err != nil {
					b.Error(err)
				}
			}
		})
		last, err := from.Publish(b.Context(), "t", event)
		if err != nil {
			b.Fatal(err)
		}
		eventually(b, "the last event is there", func() bool { return to.LastEventID() == last })
		cancel()
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
}

// One event after another, each once that before has arrived.
func BenchmarkLatency(b *testing.B) {
	hubs(b, func(b *testing.B, from, to *hub.Hub) {
		ctx, cancel := context.WithCancel(b.Context())
		client := newCounter()
		served := make(chan error)
		go func() {
			served <- to.Serve(client, httptest.NewRequestWithContext(ctx, "GET", "/", nil), hub.Subscription{Topics: []string{"t"}})
		}()
		eventually(b, "the subscriber is there", func() bool { return to.Stats().Subscribers == 1 })
		for b.Loop() {
			before := client.events.Load()
			if _, err := from.Publish(b.Context(), "t", event); err != nil {
				b.Fatal(err)
			}
			for client.events.Load() == before {
				<-client.wrote
			}
		}
		cancel()
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
}

func BenchmarkHit(b *testing.B) {
	run := func(b *testing.B, cfg cache.Config) {
		cfg.Policy.TTL = time.Hour
		h := cache.New(cfg).Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write(make([]byte, 1<<10))
		}))
		w, r := newCounter(), httptest.NewRequest("GET", "/", nil)
		for b.Loop() {
			clear(w.header)
			h.ServeHTTP(w, r)
		}
	}
	b.Run("memory", func(b *testing.B) { run(b, cache.Config{}) })
	b.Run("memory, generations in redis", func(b *testing.B) {
		run(b, cache.Config{Generations: redis.NewStore(connect(b, start(b).addr), "cache:", redis.StoreConfig{})})
	})
	b.Run("redis", func(b *testing.B) {
		store := redis.NewStore(connect(b, start(b).addr), "cache:", redis.StoreConfig{})
		run(b, cache.Config{Store: store, Generations: store})
	})
}
