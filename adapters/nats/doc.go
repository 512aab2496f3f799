// Package nats connects the hubs of several processes through NATS JetStream. A service
// that outgrows one process changes how it makes its hub, and nothing else. The package
// is a module of its own:
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
// An event published in one process arrives at the subscribers of all, and a client may
// reconnect to any of them. With MaxReconnects(-1) the connection comes back however long
// NATS was away; by default the client gives up after two minutes.
//
// # What a hub can rely on
//
// Order: every subscriber receives the events of its topics in the order in which the
// stream numbered them, over all topics and processes.
//
// No loss, and nothing twice: connections may break, and processes and servers may stop.
// A client that reconnects with its last id continues after it, as long as the events
// since are kept: in the stream as [BackplaneConfig] says, and in each process as
// [hub.Config] does.
//
// An error of Publish means that the event is not in the log, unless it is [ErrUnknown]:
// then BackplaneConfig.Timeout, or the deadline of the context, passed before the server
// responded. Until then Append repeats its attempts under the same message id. The server
// recognizes a repeated id and returns the number of the first attempt.
//
// The server remembers an id for 2 minutes, or for twice the Timeout if that is longer.
// After that a repetition is stored as a second event. Append sends none so late; only a
// network that holds one back for that long could deliver it. A restarted server knows
// only the ids of the events that it still keeps, so let MaxHistory be more than the
// number of events that are published within a Timeout.
//
// Where events are missing, subscribers receive a gap event: those that missed events
// which are no longer kept; and all of them, once, when a new log has begun. A new log
// begins when the stream was deleted, and when a follower finds that the stream lacks
// entries it received, or has others in their place.
//
// What is lost when something fails:
//
//   - A process, a connection, or one server of three: nothing. With three replicas
//     another server takes over, which takes up to about 10 seconds if the leader was
//     killed. With one replica the log is unavailable until its server is back. Clients
//     stay connected meanwhile.
//   - Power, or the operating system, of all servers that keep the log, at once: up to 2
//     minutes of events, although Publish has returned. The server writes to its files
//     before it responds, but syncs them to disk every 2 minutes. With "sync_interval:
//     always" in its configuration it syncs before it responds.
//   - Files: everything in them. With a restored backup: everything newer.
//
// In the last two cases the numbers of lost events would be used again. Hubs that
// received such an event detect that, and begin a new log. It goes unnoticed only if no
// process that received one is alive.
//
// If NATS does not respond, Append returns after the Timeout. A consumer that is silent
// is replaced after 2 seconds, and an idle hub asks every 5 seconds whether it has missed
// an event. A process that has not reached NATS since it was started refuses clients with
// 503.
//
// # In NATS
//
// A log takes one stream. Its only subject is the name of the stream, a dot, and the
// epoch of the log. The topic of an event is in its message and not in the subject, so it
// may be any string. Users need to subscribe to _INBOX.>, and to publish to these, with
// the name of the stream for NAME:
//
//	NAME.*
//	$JS.API.STREAM.INFO.NAME
//	$JS.API.STREAM.CREATE.NAME
//	$JS.API.STREAM.UPDATE.NAME
//	$JS.API.CONSUMER.CREATE.NAME.>
//	$JS.API.CONSUMER.MSG.NEXT.NAME.>
//
// The server refuses messages of more than 1 MB unless its max_payload is larger; a
// larger event is an error of Publish. Each hub has one consumer, in the memory of one
// server. For messages that other programs put into the stream, subscribers receive a gap
// event.
//
// The module requires nats-server for its tests, which run servers in their own process.
// A program that imports the package does not link it.
//
// # No store for a cache
//
// The key-value buckets of JetStream do not meet the requirements of
// [github.com/apiece/apiece/middleware/cache.Generations]:
//
//   - Any replica may serve a read, and replicas lag. In a cluster of three, up to 6 of
//     100 reads that began after a write had returned gave the value before it
//     (BenchmarkReadAfterWrite). A cache would serve responses after they were
//     invalidated. Reading from the leader of the stream does not help: a leader responds
//     without asking the others whether another has been elected.
//   - Latest asks for all tags of an entry, in every request. That is a round trip for
//     each tag, where [github.com/apiece/apiece/adapters/redis] needs one.
//   - A page larger than max_payload, 1 MB, cannot be kept. And a key has an expiry of
//     its own only when it is created, not when its value is replaced.
//
// Use the store of adapters/redis beside this backplane, or the one in memory.
//
// # Differences from Next.js
//
// Next.js has no event hub.
package nats
