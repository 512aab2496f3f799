package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/examples/blog/service"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream/hub"
)

// onPostgres stores everything in one database. A post and its event are in one
// transaction: readers get an event if and only if the post is stored.
func onPostgres(ctx context.Context, url string) (service.Config, func(), error) {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return service.Config{}, nil, err
	}
	if err := errors.Join(postgres.Migrate(ctx, pool), migrate(ctx, pool)); err != nil {
		pool.Close()
		return service.Config{}, nil, err
	}
	log := postgres.NewBackplane(pool, "blog", postgres.BackplaneConfig{})
	store := postgres.NewStore(pool, "blog", postgres.StoreConfig{})
	return service.Config{
		Feed:  hub.New(hub.Config{Backplane: log}),
		Posts: rows{pool, log},
		Pages: cache.Config{Store: store, Generations: store, Locker: store},
	}, pool.Close, nil
}

// migrate creates the table of the posts, with the initial posts.
func migrate(ctx context.Context, pool *pgxpool.Pool) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		// Processes that start at the same time migrate one after the other.
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('blog_posts'))`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `create table if not exists blog_posts (
			id      int generated always as identity primary key,
			title   text not null,
			text    text not null,
			tags    text[] not null,
			created timestamptz not null default date_trunc('second', now())
		)`); err != nil {
			return err
		}
		var none bool
		if err := tx.QueryRow(ctx, `select not exists (select from blog_posts)`).Scan(&none); err != nil || !none {
			return err
		}
		for _, p := range service.First() {
			if _, err := insert(ctx, tx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// rows is the service.Posts of a database.
type rows struct {
	pool *pgxpool.Pool
	log  *postgres.Backplane
}

const columns = `id, title, text, tags, created`

func insert(ctx context.Context, tx pgx.Tx, p service.Post) (service.Post, error) {
	return one(tx.Query(ctx, `insert into blog_posts (title, text, tags) values ($1, $2, $3) returning `+columns, p.Title, p.Text, p.Tags))
}

// one returns the only row of a query, whose columns are the fields of a Post.
func one(found pgx.Rows, err error) (service.Post, error) {
	if err != nil {
		return service.Post{}, err
	}
	p, err := pgx.CollectExactlyOneRow(found, pgx.RowToStructByPos[service.Post])
	p.Created = p.Created.UTC()
	return p, err
}

func (r rows) Add(ctx context.Context, p service.Post) (added service.Post, err error) {
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if added, err = insert(ctx, tx, p); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from blog_posts where id <= $1`, added.ID-service.MaxPosts); err != nil {
			return err
		}
		_, err := r.log.AppendTx(ctx, tx, service.Topic, added.Event())
		return err
	})
	return added, err
}

func (r rows) Update(ctx context.Context, id int, change func(*service.Post)) (p service.Post, ok bool, err error) {
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if p, err = one(tx.Query(ctx, `select `+columns+` from blog_posts where id = $1 for update`, id)); err != nil {
			return err
		}
		change(&p)
		if _, err := tx.Exec(ctx, `update blog_posts set title = $2, text = $3, tags = $4 where id = $1`, id, p.Title, p.Text, p.Tags); err != nil {
			return err
		}
		_, err := r.log.AppendTx(ctx, tx, service.Topic, p.Event())
		return err
	})
	return found(p, err)
}

func (r rows) Get(ctx context.Context, id int) (service.Post, bool, error) {
	return found(one(r.pool.Query(ctx, `select `+columns+` from blog_posts where id = $1`, id)))
}

func found(p service.Post, err error) (service.Post, bool, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return service.Post{}, false, nil
	}
	return p, err == nil, err
}

func (r rows) List(ctx context.Context) ([]service.Post, error) {
	found, err := r.pool.Query(ctx, `select `+columns+` from blog_posts order by id desc limit $1`, service.MaxPosts)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowToStructByPos[service.Post])
}
