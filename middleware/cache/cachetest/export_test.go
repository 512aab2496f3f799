package cachetest

import (
	"net/http"
	"testing"

	"github.com/apiece/apiece/middleware/cache"
)

// Failures returns the names of the leaks that the cache has.
func Failures(t *testing.T, newCache func() func(http.Handler) http.Handler) (names []string) {
	for _, c := range leaks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.find(t, newCache()); err != nil {
				names = append(names, c.name)
			}
		})
	}
	return names
}

// Model runs a model with one cache.
func Model(t *testing.T, operations int, open func() (cache.Store, cache.Generations)) error {
	return newWorld(t, 1, brief(), open).run(operations)
}

// Rules returns the names of the rules, in order.
func Rules() (names []string) {
	for _, r := range (Suite{}).rules() {
		names = append(names, r.name)
	}
	return names
}

// Killed, Paused and Restarted are rules as functions for any test.
func (s Suite) Killed(t testing.TB)    { s.killed(t) }
func (s Suite) Paused(t testing.TB)    { s.paused(t) }
func (s Suite) Restarted(t testing.TB) { s.restarted(t) }
