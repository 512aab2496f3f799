package cachetest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/latency"
	"github.com/apiece/apiece/middleware/cache"
)

// Bench measures a store and its generations with entries of 1 KB, one operation after
// another. It reports the median and the 99th percentile of
//
//   - get and miss: Store.Get of an entry that is there, and of one that is not;
//   - set: Store.Set, of 1,000 keys in turn;
//   - next, latest and raise: the methods of Generations, latest of four tags, raise of
//     one of 1,000;
//   - hit: a request that a cache serves from them.
//
// One second for each (-benchtime 1s) is enough. All run on one machine, so that they
// measure the implementation and the server, and no network.
func (s Suite) Bench(b *testing.B) {
	const keys = 1000
	names := make([]string, keys)
	for i := range names {
		names[i] = "tag:" + strconv.Itoa(i)
	}
	entry := func(i int, number uint64) *cache.Entry {
		e := sample(names[i%keys], number)
		e.Body = []byte(strings.Repeat("x", 1<<10))
		return e
	}
	ctx := context.Background()
	for _, bench := range []struct {
		name string
		do   func(store cache.Store, gens cache.Generations, number uint64, i int) error
	}{
		{"get", func(store cache.Store, _ cache.Generations, _ uint64, _ int) error {
			e, err := store.Get(ctx, names[0])
			if err == nil && e == nil {
				err = io.ErrUnexpectedEOF
			}
			return err
		}},
		{"miss", func(store cache.Store, _ cache.Generations, _ uint64, _ int) error {
			_, err := store.Get(ctx, "none")
			return err
		}},
		{"set", func(store cache.Store, _ cache.Generations, number uint64, i int) error {
			return store.Set(ctx, entry(i, number))
		}},
		{"next", func(_ cache.Store, gens cache.Generations, _ uint64, _ int) error {
			_, err := gens.Next(ctx)
			return err
		}},
		{"latest", func(_ cache.Store, gens cache.Generations, _ uint64, i int) error {
			at := i % (keys - 4)
			_, err := gens.Latest(ctx, names[at:at+4]...)
			return err
		}},
		{"raise", func(_ cache.Store, gens cache.Generations, number uint64, i int) error {
			return gens.Raise(ctx, number+uint64(i), names[i%keys])
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			store, gens := s.Open(b, b.Name())
			number, err := gens.Next(ctx)
			if err == nil {
				err = store.Set(ctx, entry(0, number))
			}
			if err != nil {
				b.Fatal(err)
			}
			measure(b, func(i int) error { return bench.do(store, gens, number, i) })
		})
	}
	b.Run("hit", func(b *testing.B) {
		store, gens := s.Open(b, b.Name())
		h := cache.New(cache.Config{
			Lifetime: cache.Lifetime{TTL: time.Hour}, Store: store, Generations: gens,
			StoreTimeout: 10 * time.Second, // a busy machine is not down
		}).Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(make([]byte, 1<<10))
		}))
		measure(b, func(int) error {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
			return nil
		})
	})
}

// measure runs an operation as often as the benchmark asks, and once before.
func measure(b *testing.B, do func(i int) error) {
	if err := do(0); err != nil {
		b.Fatal(err)
	}
	var took latency.Samples
	b.ResetTimer()
	for i := range b.N {
		begun := time.Now()
		if err := do(i); err != nil {
			b.Fatal(err)
		}
		took.Since(begun)
	}
	b.StopTimer()
	took.Report(b)
}
