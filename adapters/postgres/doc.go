// Package postgres connects the hubs and caches of several processes through PostgreSQL,
// and publishes an event if, and only if, a transaction commits. A service that outgrows
// one process changes how it makes its hub and cache, and nothing else. The package is a
// module of its own:
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
// An event published in one process arrives at the subscribers of all, and a client may
// reconnect to any of them. A response cached by one process is served by all, and
// revalidating or invalidating it in one does so in all.
//
// The pool is one of pgx: it supports TLS, passwords, and several hosts, of which it must
// find the one that takes writes (target_session_attrs=read-write). It was tested with
// PostgreSQL 15.
//
// # Transactional events
//
// [Backplane.AppendTx] and [Backplane.AppendSQLTx] append an event in a transaction of
// the service, together with the rows that it is about:
//
//	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
//		if _, err := tx.Exec(ctx, `insert into posts (title) values ($1)`, title); err != nil {
//			return err
//		}
//		_, err := plane.AppendTx(ctx, tx, "posts", stream.Event{Data: title})
//		return err
//	})
//
// At no time is the post stored while its event may still be lost, or a reader told of a
// post that is not there.
//
// # What a hub can rely on
//
// Order: every subscriber receives the events of its topics in the order of the commits,
// over all topics and processes. Each event takes its number from the row of the log,
// which stays locked until its transaction ends; so a reader that sees a number sees all
// below it, and a rollback leaves no hole. The price is that transactions which append to
// one log commit one after another: as many per second as the disk can confirm, or some
// thousand where it need not (synchronous_commit=off). Topics have no rows of their own,
// since one id says what a client has seen of all topics. Services with several logs
// share none of this.
//
// No loss, and nothing twice: connections may break, processes and the server may
// restart. A client that reconnects with its last id continues after it, as long as the
// events since are kept: in PostgreSQL as [BackplaneConfig] says, and in each process as
// [hub.Config] does. A publisher whose connection broke retries, and the event is in the
// log once.
//
// Otherwise a gap event: to subscribers that have missed events which are no longer kept,
// and to all, once, when the log has lost some.
//
// Failover: a replica that is not synchronous may lack the last published events, and so
// may a backup. Hubs detect that when they connect to it: events they received are
// missing, or replaced by others. Then a new log begins, and every subscriber receives a
// gap event. It goes unnoticed only if no process that received the lost events is alive.
//
// If PostgreSQL does not respond, Publish returns an error after the Timeout of the
// [BackplaneConfig] or the deadline of the context. If it refuses, as when its disk is
// full, Publish returns that error, and the event is not in the log. Clients stay
// connected meanwhile, and then receive what they have missed; a process that has not
// reached PostgreSQL since it was started refuses them with 503, so that they try
// another.
//
// A transaction that appends and then stays open blocks all publishers, but no readers.
// One that stays open anywhere in the database for hours keeps PostgreSQL from vacuuming
// deleted rows, which slows all of this down.
//
// # What a cache can rely on
//
// No request is served a response that was invalidated before the request arrived, in any
// process: every request asks PostgreSQL. If that does not respond within the cache's
// StoreTimeout, it is not asked for a while, and handlers run. InvalidateTag returns an
// error then; after a successful POST the error can only be logged, and the affected
// responses may be served when PostgreSQL is back, until they expire. Making a connection
// takes longer than using one: with pool_min_conns the first requests need not wait for
// that.
//
// The tables of caches are unlogged: writes do not wait for the disk, and all data in
// them is gone when the server crashes or a replica takes over. Pages are rendered again
// then; no invalidation is lost while a response that it affects is kept. That holds if
// dumps leave these tables out (pg_dump --no-unlogged-table-data), as physical backups
// do.
//
// Requests of malicious clients fill no disk: a POST writes nothing unless there may be a
// response for its path, and [StoreConfig] limits the entries, invalidations and paths
// that are kept.
//
// Usually one process at a time renders a page: a lock makes the others wait, up to 5
// seconds.
//
// # PgBouncer
//
// With session pooling everything works. With transaction pooling, set
// BackplaneConfig.Poll, since LISTEN does not work there, and use a mode of pgx without
// prepared statements, such as pgx.QueryExecModeExec. AppendTx, Migrate and the store
// work as they are. Tested with PgBouncer 1.18.
//
// # In PostgreSQL
//
// [Migrate], or the SQL that [Schema] returns, makes seven tables whose names begin with
// apiece_, in the first schema of the search_path. The user of the service needs SELECT,
// INSERT, UPDATE and DELETE on them, and nothing else. Several services may share them:
// every row belongs to the name of a log or a store. Deleting the row of a log from
// apiece_log deletes its events as well, and subscribers receive a gap event.
//
// Statements are written for READ COMMITTED, the default. With a stricter
// default_transaction_isolation conflicting statements fail and are retried.
//
// # Differences from Next.js
//
//   - Next.js has no event hub.
//   - Next.js keeps pages on the disk of each process unless you write a cache handler:
//     each instance then has to find out about revalidations. Here they are effective
//     everywhere when Revalidate returns.
package postgres
