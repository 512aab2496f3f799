package cache

import (
	"net/http"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

func hour() *cache.Cache {
	return cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}})
}

// kit is package cache.
func kit(h http.Handler) http.Handler { return hour().Middleware(h) }

// kitVary is kit for a page that has tags and varies with the language.
func kitVary(h http.Handler) http.Handler {
	return hour().Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "post:1", "author:7")
		w.Header().Set("Vary", "Accept-Language")
		h.ServeHTTP(w, r)
	}))
}

// kitPass is kit for a page that must not be stored.
func kitPass(h http.Handler) http.Handler {
	return hour().Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "private")
		h.ServeHTTP(w, r)
	}))
}
