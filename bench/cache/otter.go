package cache

import (
	"net/http"

	"github.com/maypok86/otter/v2"
)

// rawOtter is the store of package cache alone: the URL is the key, and entries never expire.
func rawOtter(h http.Handler) http.Handler {
	pages := otter.Must(&otter.Options[string, *page]{
		MaximumWeight: 64 << 20,
		Weigher:       func(key string, p *page) uint32 { return uint32(len(key) + p.body.Len()) },
		Executor:      func(f func()) { f() },
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.String()
		p, ok := pages.GetIfPresent(key)
		if !ok {
			p = record(h, r)
			pages.Set(key, p)
		}
		p.send(w)
	})
}
