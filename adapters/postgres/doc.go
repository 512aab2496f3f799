// Package postgres lets hubs and caches in several processes work as one, by way of
// a PostgreSQL, and publishes an event if, and only if, a transaction commits. A
// service that outgrows one process changes how it makes them, and nothing
// else. It is a module of its own:
//
//	go get github.com/apiece/apiece/adapters/postgres
//
// In the service:
//
//	pool, err := pgxpool.New(ctx, "postgres://blog@db/blog")
//	...
//	err = postgres.Migrate(ctx, pool)
//	...
//	plane := postgres.NewBackplane(pool, "blog", postgres.BackplaneConfig{})
//	events := hub.New(hub.Config{Backplane: plane})
//
//	store := postgres.NewStore(pool, "blog", postgres.StoreConfig{})
//	pages := cache.New(cache.Config{Store: store, Generations: store, Locker: store})
//
// What is published in one process arrives at the subscribers of all, who may
// reconnect to any of them. What is rendered in one is served by all, and
// what is revalidated or invalidated in one is so in all.
//
// The pool is one of pgx: it brings TLS, passwords, and several hosts, of which it
// must find the one that takes writes (target_session_attrs=read-write). It was
// tested with PostgreSQL 15.
//
// # Published if it commits
//
// [Backplane.AppendTx] and [Backplane.AppendSQLTx] append an event in a transaction
// of the service's own, beside the rows that it tells of:
//
//	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
//		if _, err := tx.Exec(ctx, `insert into posts (title) values ($1)`, title); err != nil {
//			return err
//		}
//		_, err := plane.AppendTx(ctx, tx, "posts", stream.Event{Data: title})
//		return err
//	})
//
// There is no moment at which the post is stored and the event may still be lost,
// nor one at which a reader is told of a post that is not there.
//
// # What a hub can rely on
//
// Order: every subscriber is sent the events of its topics in one order, over all
// topics and processes, which is that of the commits. Each takes its number
// from the row of the log, which stays locked until its transaction ends; so whoever
// sees a number sees all below it, and a transaction that is rolled back leaves no
// hole. The price is that transactions which append to one log commit one after
// another: as many a second as the disk can confirm, or some thousand where
// it need not (synchronous_commit=off). A topic has no row of its own, since one id
// tells what a client has seen of all topics. Services with several logs share
// none of this.
//
// No loss, and nothing twice: connections may break, processes and the server
// may restart. A client that comes back with the id it had continues after it,
// as long as the events since are kept: in PostgreSQL as [BackplaneConfig] says, and
// in each process as [hub.Config] does. A publisher whose connection broke tries
// again, and the event is in the log once.
//
// A gap event otherwise: to whoever has missed events that are no longer kept,
// and to all, once, when the log has lost some.
//
// Fail-over: a replica that is not synchronous may lack the last events that were
// published, and so may a backup. Hubs find that out when they connect to it: what
// they were given is not there, or something else is in its place. Then the log
// begins anew, and everybody is sent a gap event. It goes unnoticed only if no
// process that was given the lost events is alive.
//
// If PostgreSQL does not answer, Publish returns an error when Timeout of the
// [BackplaneConfig] or the deadline of the context has passed. If it refuses, as when
// its disk is full, that is the error, and the event is not in the log. Clients stay
// connected meanwhile, and receive what they have missed; a process that has not
// reached PostgreSQL since it was started refuses them with 503, so that they go
// elsewhere.
//
// A transaction that appends and then stays open holds up all who publish, but not
// those who read. One that stays open anywhere in the database for hours
// keeps PostgreSQL from clearing away what has been deleted, by which all of this
// becomes slower.
//
// # What a cache can rely on
//
// Nothing that was invalidated before a request arrived is served to it, in
// any process: every request asks PostgreSQL. If that does not answer within
// StoreTimeout of the cache, it is left alone for a while, and handlers run.
// To invalidate is an error then, which InvalidateTag returns; of a POST that
// succeeds it can only be logged, and what it concerns may be served when PostgreSQL
// is back, until it expires. To make a connection takes longer than to use one:
// with pool_min_conns the first requests need not wait for that.
//
// The tables of caches are not logged: nothing waits for the disk, and all that is in
// them is gone when the server crashes or a replica takes over. Pages are rendered
// again then; no invalidation is lost while what it concerns is kept. That holds if
// dumps leave them out (pg_dump --no-unlogged-table-data), as physical backups do.
//
// Requests of clients who mean harm fill no disk: a POST writes nothing unless
// there may be a response to its path, and what is kept of entries, invalidations
// and paths is bounded by [StoreConfig].
//
// One process at a time renders a page, usually: a lock has the others wait, but
// not for longer than 5 seconds.
//
// # Behind PgBouncer
//
// Where it pools sessions, all works. Where it pools transactions, set
// BackplaneConfig.Poll, since LISTEN does not work there, and a mode of pgx that
// keeps no statement prepared, such as pgx.QueryExecModeExec. AppendTx, Migrate and
// the store work as they are. Tested with PgBouncer 1.18.
//
// # In PostgreSQL
//
// [Migrate], or the SQL that [Schema] returns, makes seven tables whose names begin
// with apiece_, in the first schema of the search_path. The user of the service needs
// SELECT, INSERT, UPDATE and DELETE on them, and nothing else. Several services may
// share them: every row belongs to the name of a log or a store. Deleting the row
// of a log from apiece_log deletes its events as well, and has subscribers told of a
// gap.
//
// Statements are made for READ COMMITTED, the default. Under a stricter
// default_transaction_isolation those that meet fail, and are tried again.
//
// # Differences from Next.js
//
//   - Next.js has no event hub.
//   - Next.js keeps pages on the disk of each process unless it is given a cache
//     handler, which is the user's to write: each instance then has to find out
//     about revalidations. Here they hold everywhere when Revalidate returns.
package postgres
