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
//	pages := cache.New(cache.Config{Store: store, Generations: store})
//
// What is published in one process arrives at the subscribers of all, who may
// reconnect to any of them. What is rendered in one is served by all, and
// what is revalidated or invalidated in one is so in all.
//
// The client is any of go-redis: it brings TLS, passwords, a cluster, or
// sentinels. ContextTimeoutEnabled has the deadlines of contexts hold for what
// is asked of Redis too, such as that of the request in which an event is
// published. A Ring is not for this: when a shard is away, it goes on with
// another that knows nothing.
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
// Fail-over: a replica may lack the last events that were published, since Redis
// does not wait for replicas. Hubs find that out when they connect to it: what
// they were given is not there, or something else is in its place. Then the log
// begins anew, and everybody is sent a gap event. It goes unnoticed only if no
// process that was given the lost events is alive. The same goes for a server
// that was restarted with an older copy of its data.
//
// If Redis does not answer, Publish returns an error when a timeout of the
// client or the deadline of the context has passed. Connections that break are
// made again, in each process after a pause of its own. One that is silent is
// given up after 5 to 10 seconds. Clients stay connected meanwhile, and receive
// what they have missed; a process that has not reached Redis since it was
// started refuses them with 503, so that they go elsewhere.
//
// # What a cache can rely on
//
// Nothing that was invalidated before a request arrived is served to it, in
// any process: every request asks Redis. If Redis does not answer, handlers run.
// To invalidate is an error then, which InvalidateTag returns; of a POST that
// succeeds it can only be logged, and what it concerns may be served when Redis
// is back, until it expires.
//
// One process at a time renders a page, usually: a lock has the others wait, but
// not for longer than 5 seconds.
//
// If Redis loses its data, or evicts what is the cache's, pages are rendered
// anew. In a fail-over, an invalidation of the last moment may be lost; what it
// concerned is served until it expires, or is invalidated again.
//
// # In Redis
//
// A log takes one stream and the channel of the same name, a store the keys with
// its prefix. Users with access to those (~blog:* &blog:*) need the commands
// EVAL, EVALSHA, XADD, XRANGE, XREVRANGE, XTRIM, DEL, PUBLISH, SUBSCRIBE, PING,
// GET, SET, GETRANGE, EXISTS, TIME, ZADD, ZCARD, ZRANGE, ZREM, ZREMRANGEBYSCORE
// and ZSCORE, which Redis has since version 6.2. No request looks through the
// keys.
//
// # Differences from Next.js
//
//   - Next.js has no event hub.
//   - Next.js keeps pages on the disk of each process unless it is given a cache
//     handler, which is the user's to write: each instance then has to find out
//     about revalidations. Here they hold everywhere when Revalidate returns.
package redis
