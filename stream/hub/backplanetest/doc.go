// Package backplanetest holds the tests that every hub.Backplane must pass,
// and a backplane in memory.
//
//	func TestBackplane(t *testing.T) {
//		backplanetest.Suite{
//			Open: func(t testing.TB, log string) hub.Backplane {
//				return redisplane.New(client, log)
//			},
//		}.Run(t)
//	}
//
// [Memory] connects hubs of one process, which is of use in tests of services
// that run with a backplane.
//
// # Differences from Next.js
//
// Next.js has nothing of the kind.
package backplanetest
