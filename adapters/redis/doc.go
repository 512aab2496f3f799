// Package redis lets hubs and caches in several processes work as one, by way of
// a Redis server. A service that outgrows one process changes how it makes
// them, and nothing else. It is a module of its own:
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
// What is published in one process arrives at the subscribers of all, who may
// reconnect to any of them. What is rendered in one is served by all, and
// what is revalidated or invalidated in one is so in all.
//
// The client is any of go-redis: it brings TLS, passwords, a cluster, or
// sentinels. ContextTimeoutEnabled has the deadlines of contexts hold for its
// connections too: without it, an operation that was given up occupies one for as
// long as the client's own timeouts say. A Ring is not for this: when a shard is
// away, it goes on with another that knows nothing.
//
// # What a hub can rely on
//
// Order: every subscriber is sent the events of its topics in the one order in
// which Redis numbered them, over all topics and processes.
//
// No loss, and nothing twice: connections may break, processes and the server
// may restart. A client that comes back with the id it had continues after it,
// as long as the events since are kept: in Redis as [BackplaneConfig] says, and
// in each process as [hub.Config] does. A publisher whose connection broke
// does not put an event in twice; one that gets an error cannot know whether
// it is in.
//
// A gap event otherwise: to whoever has missed events that are no longer kept,
// and to all, once, when the server has lost its data.
//
// Fail-over, by Sentinel or in a cluster: a replica may lack the last events that
// were published, since Redis does not wait for replicas. A process finds that out
// when it next asks for or adds something: what it was given, or has published, is
// not there, or something else is in its place. Then the log begins again, with
// another epoch, and every subscriber is sent a gap event; what others published
// to the replica before that is lost too. It goes unnoticed only if no process
// that knew of the lost events is alive. The same goes for a server that was
// restarted with an older copy of its data.
// When a slot of a cluster moves, nothing is lost.
//
// If Redis does not answer, Publish returns an error after BackplaneTimeout of the
// hub, or earlier by a timeout of the client or the deadline of the context.
// Connections that break are made again, in each process after a pause of its
// own. One that is silent is given up after 5 to 10 seconds. Clients stay
// connected meanwhile, and receive what they have missed; a process that has not
// reached Redis since it was started refuses them with 503, so that they go
// elsewhere. [Backplane.Stats] shows all of that.
//
// # What a cache can rely on
//
// Nothing that was invalidated before a request arrived is served to it, in
// any process: every request asks Redis. If Redis does not answer within
// StoreTimeout of the cache, it is left alone for a while, and handlers run.
// To invalidate is an error then, which InvalidateTag returns; of a POST that
// succeeds it can only be logged, and what it concerns may be served when Redis
// is back, until it expires.
//
// Requests of clients who mean harm fill no memory: a POST writes nothing unless
// there may be a response to its path, and what is remembered of invalidations and
// of paths is bounded by [StoreConfig].
//
// One process at a time renders a page, usually: a lock has the others wait, but
// not for longer than 5 seconds.
//
// If Redis loses its data, or evicts what is the cache's, pages are rendered
// again. In a fail-over, an invalidation of the last moment may be lost; what it
// concerned is served until it expires, or is invalidated again. So may be that
// there is a response to a path, if a cluster keeps the two in different places:
// a POST leaves that response as it is then.
//
// # In Redis
//
// A log takes one stream and the channel of the same name, a store the keys with
// its prefix. Users with access to those (~blog:* &blog:*) need the commands
// EVAL, EVALSHA, XADD, XRANGE, XREVRANGE, XTRIM, DEL, PUBLISH, SUBSCRIBE, PING,
// GET, SET, GETRANGE, EXISTS, TIME, PEXPIRE, PTTL, ZADD, ZCARD, ZCOUNT, ZRANGE,
// ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZSCORE, which Redis has since
// version 6.2. No request looks through the keys, and every key of a store
// expires by itself. TLS and certificates of clients are the go-redis client's,
// in its TLSConfig.
//
// The tests run with redis-server, or what APIECE_REDIS_SERVER names.
//
// # Differences from Next.js
//
//   - Next.js has no event hub.
//   - Next.js keeps pages on the disk of each process unless it is given a cache
//     handler, which is the user's to write: each instance then has to find out
//     about revalidations. Here they hold everywhere when Revalidate returns.
package redis
