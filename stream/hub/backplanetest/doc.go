// Package backplanetest holds the tests that every hub.Backplane must pass, a benchmark
// to compare them, and a backplane in memory.
//
//	func TestBackplane(t *testing.T) {
//		backplanetest.Suite{
//			Open: func(t testing.TB, log string) hub.Backplane {
//				return redisplane.New(client, log)
//			},
//			Kill: func(t testing.TB, log string) int { return server.KillConnections() },
//		}.Run(t)
//	}
//
// [Memory] connects the hubs of one process, for tests of services that run with a
// backplane. [Node] and [Traffic] are the parts of the suite, for tests of features that
// only one implementation has, such as failover.
//
// # Requirements
//
// Each rule is the subtest of [Suite.Run] with its name. The last six need functions of
// the [Suite].
//
//  1. numbers: Append numbers the entries of a log from 1, without holes, in one
//     sequence over all topics and connections. An epoch is 1 to 32 letters and
//     digits. The Bounds of an empty log are 0 and 0.
//  2. fields: Subscribe delivers topics and events as Append was given them, of
//     any bytes, and with 256 KB of data.
//  3. subscribe: Subscribe delivers what is in the log after the position, and
//     then what is added: in order, each once.
//  4. one order: with several writers and connections, every Subscribe delivers
//     the same sequence, and each entry is where Append said.
//  5. context: Append with a context that is done returns an error and adds
//     nothing. Subscribe returns the error of its context soon after that is
//     done, whatever it is waiting for.
//  6. other epoch: Subscribe after a position of another epoch begins with the
//     oldest entry.
//  7. hubs: a client of one hub continues at another, even at one that was started
//     later, and misses nothing.
//  8. presence: hubs tell each other through the log who listens.
//  9. forgotten: when the log has dropped its oldest entries, Bounds says how many,
//     Subscribe after one of them begins with the oldest that is left, and the
//     numbers go on.
//  10. wiped: when the log has lost everything, it has another epoch. A Subscribe
//     that was following either goes on with the new log or returns an error, and
//     called again begins with the oldest entry of the new log. It does not wait
//     for entries that never come.
//  11. hub of a wiped log: clients of a hub that was following receive a gap event,
//     and then what comes after it.
//  12. killed: connections are killed while four writers append. An event for which
//     Append returned a position is in the log there, once. After an error it is in
//     the log once or not at all; with Retries there are no errors. Hubs go on: their
//     clients receive everything, in order, once, and no gap event.
//  13. paused: when the server stops responding, Append, Bounds and Subscribe return
//     an error once their context is done, by deadline or by cancel, and not only
//     when the server resumes. After that nothing is lost or duplicated.
//  14. restarted: a server that crashes and comes back with its data has the same
//     epoch, and everything that Append returned a position for. Hubs go on without a
//     gap event.
//
// # Differences from Next.js
//
// Next.js has no equivalent.
package backplanetest
