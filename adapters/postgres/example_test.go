package postgres_test

import (
	"context"
	"database/sql"
	"log"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// An event published in one process is sent to the clients of all.
func ExampleNewBackplane() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://blog@db/blog")
	if err != nil {
		log.Fatal(err)
	}
	if err := postgres.Migrate(ctx, pool); err != nil {
		log.Fatal(err)
	}
	events := hub.New(hub.Config{
		Backplane: postgres.NewBackplane(pool, "blog", postgres.BackplaneConfig{}),
	})
	http.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		_ = events.Serve(w, r, hub.Subscription{Topics: []string{"posts"}})
	})
}

// With a PgBouncer that pools transactions, the hub polls, and nothing is prepared.
func ExampleNewBackplane_pgBouncer() {
	cfg, err := pgxpool.ParseConfig("postgres://blog@pgbouncer:6432/blog")
	if err != nil {
		log.Fatal(err)
	}
	cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		log.Fatal(err)
	}
	_ = postgres.NewBackplane(pool, "blog", postgres.BackplaneConfig{Poll: 500 * time.Millisecond})
}

// Clients are told of a post if, and only if, it is stored.
func ExampleBackplane_AppendTx() {
	var (
		pool   *pgxpool.Pool
		events *postgres.Backplane
	)
	publish := func(ctx context.Context, title string) error {
		return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, `insert into posts (title) values ($1)`, title); err != nil {
				return err
			}
			_, err := events.AppendTx(ctx, tx, "posts", stream.Event{Data: title})
			return err
		})
	}
	_ = publish
}

// The same with database/sql.
func ExampleBackplane_AppendSQLTx() {
	var (
		db     *sql.DB
		events *postgres.Backplane
	)
	publish := func(ctx context.Context, title string) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, `insert into posts (title) values ($1)`, title); err != nil {
			return err
		}
		if _, err := events.AppendSQLTx(ctx, tx, "posts", stream.Event{Data: title}); err != nil {
			return err
		}
		return tx.Commit()
	}
	_ = publish
}

// A page that is rendered in one process is served by all, until any of them invalidates
// it.
func ExampleNewStore() {
	var pool *pgxpool.Pool
	store := postgres.NewStore(pool, "blog", postgres.StoreConfig{})
	pages := cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: time.Hour},
		Store:    store, Generations: store, Locker: store,
	})
	http.Handle("GET /posts/{id}", pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cache.Tag(r.Context(), "posts")
	})))
}
