// Package nats lets hubs in several processes work as one, by way of NATS
// JetStream. A service that outgrows one process changes how it makes its hub, and
// nothing else. It is a module of its own:
//
//	go get github.com/apiece/apiece/adapters/nats
//
// In the service:
//
//	conn, err := natsgo.Connect("nats://nats:4222",
//		natsgo.ReconnectBufSize(-1), natsgo.MaxReconnects(-1))
//	...
//	js, err := jetstream.New(conn)
//	...
//	events := hub.New(hub.Config{
//		Backplane: nats.NewBackplane(js, "blog-events", nats.BackplaneConfig{Replicas: 3}),
//	})
//
// What is published in one process arrives at the subscribers of all, who may
// reconnect to any of them. MaxReconnects(-1) has the connection come back however
// long NATS was away: without it the client gives up after some two minutes.
//
// # What a hub can rely on
//
// Order: every subscriber is sent the events of its topics in the one order in
// which the stream numbered them, over all topics and processes.
//
// No loss, and nothing twice: connections may break, and processes and servers may
// stop. A client that comes back with the id it had continues after it, as long
// as the events since are kept: in the stream as [BackplaneConfig] says, and in
// each process as [hub.Config] does.
//
// An error of Publish means that the event is not in the log, unless it is
// [ErrUnknown]: then BackplaneConfig.Timeout, or the deadline of the context, has
// passed before any answer came. Until then Append repeats what was not answered,
// under the same message id, and the server answers a repetition with the number
// of the first. It knows the ids of the last 2 minutes, or of twice the Timeout if
// that is more, and of no event that it no longer keeps. A repetition that is on
// its way for longer becomes a second event: that takes a network which holds back
// what was sent within the Timeout for that long, and then delivers it. A History
// that is shorter than what is published in a Timeout takes a restart of the
// server besides.
//
// A gap event otherwise: to whoever has missed events that are no longer kept,
// and to all, once, when the log has begun anew. It does when the stream was
// deleted, and when a follower finds that the stream lacks entries which it was
// sent, or has others in their place.
//
// What is lost when something fails:
//
//   - A process, a connection, or one server of three: nothing. With three
//     replicas the log goes on when another server leads it, which takes up to
//     some 10 seconds after one that died without a word. With one replica it is
//     away until its server is back. Clients stay connected meanwhile.
//   - Power, or the operating system, of all servers that keep the log at once:
//     events of up to the last 2 minutes that Publish has returned from, since
//     the server writes to its files at once, but has the system put them onto
//     the disk every 2 minutes. "sync_interval: always" in the configuration of
//     the server has it done before each answer.
//   - Files: all that was in them. What a restored copy lacks is lost.
//
// In the last two cases the numbers of what is lost would be used again. The hubs
// that were sent some of it notice, and have the log begin anew. It goes unnoticed
// only if no process that was sent the lost events is alive.
//
// If NATS does not answer, an Append takes no longer than the Timeout. A consumer
// that is silent is given up after 2 seconds, and what a silent one may have
// missed is looked for every 5. A process that has not reached NATS since it was
// started refuses clients with 503, so that they go elsewhere.
//
// # In NATS
//
// A log takes one stream, whose only subject is its name, a dot, and the epoch of
// the log. Topics are in the messages and no part of a subject: they may be any
// string. Users need to publish to these, with the name of the stream for NAME, and
// to subscribe to _INBOX.>:
//
//	NAME.*
//	$JS.API.STREAM.INFO.NAME
//	$JS.API.STREAM.CREATE.NAME
//	$JS.API.STREAM.UPDATE.NAME
//	$JS.API.CONSUMER.CREATE.NAME.>
//	$JS.API.CONSUMER.MSG.NEXT.NAME.>
//
// The server takes messages of up to 1 MB unless its max_payload says otherwise; a
// larger event is an error of Publish. Each hub has one consumer, in the memory of
// a server. It is not in the hands of this package what others put into the stream:
// subscribers are told of a gap where they did.
//
// The module requires nats-server for its tests, which run servers in their own
// process. No program that imports the package links it.
//
// # No store for a cache
//
// The key-value buckets of JetStream do not carry what
// [github.com/apiece/apiece/middleware/cache.Generations] promises:
//
//   - Who reads may be answered by any replica, and replicas are behind. In a
//     cluster of three, 6 of 100 reads that began when a write had returned still
//     had the value before it (BenchmarkReadAfterWrite). A page would be served
//     after it was invalidated. Buckets are made so, and to ask the leader of
//     the stream alone is no remedy: it answers without asking the others
//     whether it still leads.
//   - Latest asks for all tags of an entry in each request. In a bucket that is a
//     round trip for each of them, where [github.com/apiece/apiece/adapters/redis]
//     takes one for all.
//   - A page of more than max_payload, 1 MB, is not kept. An expiry of its own is
//     given to a key when it is created, and not when it is replaced.
//
// Use the store of adapters/redis beside this backplane, or the one in memory.
//
// # Differences from Next.js
//
// Next.js has no event hub.
package nats
