// Package cachetest checks caches: that a middleware which stores responses
// gives nobody what was made for another, and that a store and generations
// keep what package cache relies on.
//
//	func TestLeaks(t *testing.T) {
//		cachetest.Leaks(t, func() func(http.Handler) http.Handler { return mycache.New(time.Minute) })
//	}
//
//	func TestStore(t *testing.T) {
//		cachetest.Suite{
//			Open: func(t testing.TB, name string) (cache.Store, cache.Generations) {
//				s := redisstore.New(client, name)
//				return s, s
//			},
//		}.Run(t)
//	}
//
// # Differences from Next.js
//
// Next.js has nothing of the kind.
package cachetest
