package cookies_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/exchange"
)

// BenchmarkLookup compares a lookup with that of net/http and with the first
// step of any cache of parsed cookies: finding the cache.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1, 5, 20, 150} {
		pairs := make([]string, n)
		for i := range pairs {
			pairs[i] = fmt.Sprintf("cookie%d=%s", i, strings.Repeat("v", 24))
		}
		r := carrying(strings.Join(pairs, "; "))
		last := fmt.Sprintf("cookie%d", n-1)
		b.Run(fmt.Sprintf("%d/Lookup", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cookies.Lookup(r, last)
			}
		})
		b.Run(fmt.Sprintf("%d/http.Request.Cookie", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r.Cookie(last)
			}
		})
	}
	b.Run("exchange.Find below four contexts", func(b *testing.B) {
		_, r := exchange.Copy(carrying("a=1"), nil)
		ctx := r.Context()
		for range 4 {
			ctx = context.WithValue(ctx, key{}, 1)
		}
		r = r.WithContext(ctx)
		b.ReportAllocs()
		for b.Loop() {
			exchange.Find(r.Context())
		}
	})
}

type key struct{}
