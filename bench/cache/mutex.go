package cache

import (
	"net/http"
	"sync"
)

// mutexMap is the simplest cache: a map with a lock, and no limit.
func mutexMap(h http.Handler) http.Handler {
	var mu sync.Mutex
	pages := make(map[string]*page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.String()
		mu.Lock()
		p := pages[key]
		mu.Unlock()
		if p == nil {
			p = record(h, r)
			mu.Lock()
			pages[key] = p
			mu.Unlock()
		}
		p.send(w)
	})
}
