package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// TestAppendTx: committed events are published, in order and once, and rolled back ones
// never, in slow transactions of both kinds, beside Append.
func TestAppendTx(t *testing.T) {
	const writers, each = 6, 30
	s := database(t)
	pool := connect(t, s.addr, "pool_max_conns=8")
	db, err := sql.Open("pgx", s.url("apiece"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := pool.Exec(t.Context(), `create table if not exists posts (title text primary key)`); err != nil {
		t.Fatal(err)
	}
	log := postgres.NewBackplane(pool, t.Name(), postgres.BackplaneConfig{Timeout: patience})
	start, _, err := log.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan hub.Entry, writers*each)
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan error)
	go func() { followed <- log.Subscribe(ctx, start, func(e hub.Entry) { got <- e }) }()
	defer func() { cancel(); <-followed }()

	errBack := errors.New("rolled back")
	inPgx := func(title string, fail error) (at hub.Position, err error) {
		err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `insert into posts values ($1)`, title); err != nil {
				return err
			}
			at, err = log.AppendTx(t.Context(), tx, "posts", stream.Event{Data: title})
			time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
			return errors.Join(err, fail)
		})
		return at, err
	}
	inSQL := func(title string, fail error) (at hub.Position, err error) {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			return at, err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(t.Context(), `insert into posts values ($1)`, title); err != nil {
			return at, err
		}
		at, err = log.AppendSQLTx(t.Context(), tx, "posts", stream.Event{Data: title})
		time.Sleep(time.Duration(rand.IntN(3)) * time.Millisecond)
		if err := errors.Join(err, fail); err != nil {
			return at, err
		}
		return at, tx.Commit()
	}
	alone := func(title string, fail error) (hub.Position, error) {
		if fail != nil {
			return hub.Position{}, fail
		}
		return log.Append(t.Context(), "posts", stream.Event{Data: title})
	}

	var mu sync.Mutex
	committed := make(map[hub.Position]string)
	var wg sync.WaitGroup
	for w := range writers {
		how := []func(string, error) (hub.Position, error){inPgx, inSQL, alone}[w%3]
		wg.Go(func() {
			for i := range each {
				title, fail := fmt.Sprintf("%d/%d", w, i), error(nil)
				if i%3 == 1 {
					fail = errBack
				}
				at, err := how(title, fail)
				if !errors.Is(err, fail) {
					t.Errorf("%s: %v, want %v", title, err, fail)
				}
				if err == nil {
					mu.Lock()
					committed[at] = title
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	for i := range len(committed) {
		select {
		case e := <-got:
			if e.Seq != uint64(i+1) || committed[e.Position] != e.Event.Data {
				t.Fatalf("%v with %q comes as number %d; committed was %q", e.Position, e.Event.Data, i+1, committed[e.Position])
			}
		case <-time.After(patience):
			t.Fatalf("%d of %d events came", i, len(committed))
		}
	}
	last, _, err := log.Bounds(t.Context())
	if err != nil || last.Seq != uint64(len(committed)) {
		t.Errorf("the log ends at %d, %v; %d were committed", last.Seq, err, len(committed))
	}
}

// An open transaction hides no earlier event from a follower, and its own events until it
// commits. Others wait to append, up to their deadline.
func TestAppendTxOpen(t *testing.T) {
	pool := connect(t, database(t).addr)
	log := postgres.NewBackplane(pool, t.Name(), postgres.BackplaneConfig{Timeout: patience})
	if _, err := log.Append(t.Context(), "t", stream.Event{Data: "before"}); err != nil {
		t.Fatal(err)
	}
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.Background())
	mine, err := log.AppendTx(t.Context(), tx, "t", stream.Event{Data: "mine"})
	if err != nil || mine.Seq != 2 {
		t.Fatalf("AppendTx = %v, %v", mine, err)
	}
	if last, _, err := log.Bounds(t.Context()); err != nil || last.Seq != 1 {
		t.Errorf("the log ends at %v, %v before the commit", last, err)
	}
	hasty := postgres.NewBackplane(pool, t.Name(), postgres.BackplaneConfig{Timeout: 100 * time.Millisecond})
	if at, err := hasty.Append(t.Context(), "t", stream.Event{Data: "hasty"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Append = %v, %v; want the end of its time", at, err)
	}
	// Other appends have to wait now; they get a number once it is free.
	after := make(chan hub.Position)
	go func() {
		at, err := log.Append(t.Context(), "t", stream.Event{Data: "after"})
		if err != nil {
			t.Error(err)
		}
		after <- at
	}()
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at := <-after; at.Seq != 2 && at.Seq != 3 { // 3 if the one with the short deadline was carried out nevertheless
		t.Errorf("the next event has number %d", at.Seq)
	}
}
