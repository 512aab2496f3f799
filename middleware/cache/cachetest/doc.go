// Package cachetest tests caches: that a caching middleware never serves one client a
// response made for another, and that a store and generations keep what package cache
// relies on. It measures stores, too: see [Suite.Bench].
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
//			Kill: func(t testing.TB, name string) int { return server.KillConnections() },
//		}.Run(t)
//	}
//
// # Requirements for a store
//
// Each rule is the subtest of [Suite.Run] with its name. The last four need functions of
// the [Suite]; "lock" and "stampede" need a store that is a cache.Locker too.
//
//  1. fields: Get returns entries as they were given to Set, on every connection,
//     and nil without an error for what is not there.
//  2. keys: keys are any bytes, up to 8 KB.
//  3. highest number: Set leaves an entry with a higher number, and replaces one
//     with the same or a lower number, even if the new one has expired. With several
//     concurrent writers the highest number stays.
//  4. too large: an entry that cannot be kept is no error, is never kept in part,
//     and costs no other entry.
//  5. numbers: Next returns a number above all earlier ones of all connections, and
//     no number twice.
//  6. raise: Latest returns the highest number that any of the tags was raised to,
//     on every connection at once. Raise never lowers one. Tags are any bytes.
//  7. many tags: tags forgotten for lack of room count as raised, but never above the
//     next number.
//  8. noted: Noted is true for what was noted until a later time, on every
//     connection, and false for what never was.
//  9. shared: an invalidation in one cache holds for all that share the store.
//  10. model: with readers, failing handlers, and changes of all kinds at once, no
//     reader sees what was changed before the request.
//  11. lock: one process has the lock of a key. Others wait, and return nil once it is
//     released, or the error of their context. Unlocking twice leaves the lock of
//     another process alone.
//  12. stampede: readers of several caches cost one run of the handler.
//  13. wiped: when all data is lost, Next goes on above all it ever returned, and
//     every tag counts as raised above what was made before.
//  14. killed: while connections are killed, rule 10 holds for every change that
//     returned no error, and for every reader except those that waited for the same
//     run of the handler; and rule 5 holds for every number.
//  15. paused: when the server stops responding, every operation returns an error
//     once the deadline of its context has passed, and not only when the server
//     resumes. After that nothing is lost.
//  16. restarted: for a server that crashes and comes back, with its data or without,
//     the caches behave as in rule 14.
//
// # Differences from Next.js
//
// Next.js has no equivalent.
package cachetest
