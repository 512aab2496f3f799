// Package redis connects the hubs and caches of several processes through a Redis server.
// A service that outgrows one process changes how it makes its hub and cache, and nothing
// else. The package is a module of its own:
//
//	go get github.com/apiece/apiece/adapters/redis
//
// In the service:
//
//	client := goredis.NewClient(&goredis.Options{Addr: "redis:6379", ContextTimeoutEnabled: true})
//
//	events := hub.New(hub.Config{
//		Backplane: redis.NewBackplane(client, "blog:events", redis.BackplaneConfig{}),
//	})
//
//	store := redis.NewStore(client, "blog:cache:", redis.StoreConfig{})
//	pages := cache.New(cache.Config{Store: store, Generations: store, Locker: store})
//
// An event published in one process arrives at the subscribers of all, and a client may
// reconnect to any of them. A response cached by one process is served by all, and
// revalidating or invalidating it in one does so in all.
//
// The client is any of go-redis: it supports TLS, passwords, a cluster, or sentinels.
// ContextTimeoutEnabled applies the deadlines of contexts to its connections too: without
// it, an abandoned operation occupies one for as long as the client's own timeouts. Do
// not use a Ring: when a shard is away, it switches to another that has none of the data.
//
// # What a hub can rely on
//
// Order: every subscriber receives the events of its topics in the one order in which
// Redis numbered them, over all topics and processes.
//
// No loss, and nothing twice: connections may break, processes and the server may
// restart. A client that reconnects with its last id continues after it, as long as the
// events since are kept: in Redis as [BackplaneConfig] says, and in each process as
// [hub.Config] does. A publisher whose connection broke does not add an event twice; one
// that gets an error cannot know whether it was added.
//
// Otherwise a gap event: to subscribers that have missed events which are no longer kept,
// and to all, once, when the server has lost its data.
//
// Failover, by Sentinel or in a cluster: a replica may lack the last published events,
// since Redis does not wait for replicas. A process detects that when it next reads or
// adds events: those it received or published are missing, or replaced by others. Then
// the log begins again, with another epoch, and every subscriber receives a gap event;
// events that others published to the replica before that are lost too. It goes unnoticed
// only if no process that knew the lost events is alive. The same goes for a server that
// was restarted with an older copy of its data. When a slot of a cluster moves, nothing
// is lost.
//
// If Redis does not respond, Publish returns an error after BackplaneTimeout of the hub,
// or earlier by a timeout of the client or the deadline of the context. Broken
// connections are made again, in each process after a jittered pause. A silent one is
// given up after 5 to 10 seconds. Clients stay connected meanwhile, and then receive what
// they have missed; a process that has not reached Redis since it was started refuses
// them with 503, so that they try another. [Backplane.Stats] shows all of that.
//
// # What a cache can rely on
//
// No request is served a response that was invalidated before the request arrived, in any
// process: every request asks Redis. If Redis does not respond within the cache's
// StoreTimeout, it is not asked for a while, and handlers run. InvalidateTag returns an
// error then; after a successful POST the error can only be logged, and the affected
// responses may be served when Redis is back, until they expire.
//
// Requests of malicious clients fill no memory: a POST writes nothing unless there may be
// a response for its path, and [StoreConfig] limits the invalidations and paths that are
// remembered.
//
// Usually one process at a time renders a page: a lock makes the others wait, up to 5
// seconds.
//
// If Redis loses or evicts data of the cache, pages are rendered again. A failover may
// lose the latest invalidations; the affected responses are served until they expire, or
// are invalidated again. It may also lose the note that a path has a response, if a
// cluster keeps the two on different servers: a POST then leaves that response as it is.
//
// # In Redis
//
// A log uses one stream and the channel of the same name, a store the keys with its
// prefix. Users with access to those (~blog:* &blog:*) need the commands EVAL, EVALSHA,
// XADD, XRANGE, XREVRANGE, XTRIM, DEL, PUBLISH, SUBSCRIBE, PING, GET, SET, GETRANGE,
// EXISTS, TIME, PEXPIRE, PTTL, ZADD, ZCARD, ZCOUNT, ZRANGE, ZREM, ZREMRANGEBYRANK,
// ZREMRANGEBYSCORE and ZSCORE, which Redis has since version 6.2. No request scans the
// keys, and every key of a store expires by itself. Configure TLS and client certificates
// in the TLSConfig of the go-redis client.
//
// The tests run with redis-server, or the program in APIECE_REDIS_SERVER.
//
// # Differences from Next.js
//
//   - Next.js has no event hub.
//   - Next.js keeps pages on the disk of each process unless you write a cache handler:
//     each instance then has to find out about revalidations. Here they are effective
//     everywhere when Revalidate returns.
package redis
