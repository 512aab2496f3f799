package postgres_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/adapters/postgres"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A user who owns nothing, with only the privileges in the package comment, can do
// everything.
func TestDocumentedPrivileges(t *testing.T) {
	s := database(t)
	s.exec(t, `create role service login`)
	s.exec(t, `grant select, insert, update, delete on all tables in schema public to service`)
	s.exec(t, `revoke create on schema public from public`)
	pool := dial(t, s.url("service"))
	if err := postgres.Migrate(t.Context(), pool); err == nil {
		t.Error("a user without CREATE has made tables: the test tests nothing")
	}

	log := postgres.NewBackplane(pool, "events", postgres.BackplaneConfig{MaxHistory: 10, Timeout: patience})
	feed := hub.New(hub.Config{Backplane: log})
	defer feed.Shutdown(context.Background())
	for range 200 {
		if _, err := feed.Publish(t.Context(), "t", stream.Event{Data: "some text"}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the events are there", func() bool { return strings.HasSuffix(feed.LastEventID(), "-200") })
	if last, forgotten, err := log.Bounds(t.Context()); err != nil || last.Seq-forgotten != 10 {
		t.Errorf("%d events are kept, %v; want 10", last.Seq-forgotten, err)
	}

	store := postgres.NewStore(pool, "cache", postgres.StoreConfig{MaxTags: 5})
	pages := cache.New(cache.Config{
		Lifetime: cache.Lifetime{TTL: time.Hour}, Store: store, Generations: store, Locker: store,
		StoreTimeout: patience,
	})
	h := pages.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { cache.Tag(r.Context(), "a") }))
	var status string
	for range 2 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		status = w.Header().Get("Cache-Status")
	}
	if !strings.Contains(status, "hit") {
		t.Errorf("the second request: %s", status)
	}
	if err := pages.InvalidateTag(t.Context(), strings.Fields("a b c d e f g h i j")...); err != nil {
		t.Error(err)
	}
	sweep(t, store)
	unlock, err := store.Lock(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if unlock, err = store.Lock(t.Context(), "key"); err != nil || unlock == nil {
		t.Errorf("the lock was not released: %v", err)
	}
}

// Processes that start at the same time may all run it.
func TestMigrate(t *testing.T) {
	s := database(t)
	s.exec(t, `drop table apiece_log, apiece_event, apiece_store, apiece_entry, apiece_tag, apiece_note, apiece_lock`)
	log := postgres.NewBackplane(connect(t, s.addr), "log", postgres.BackplaneConfig{})
	if _, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err == nil || !strings.Contains(err.Error(), "apiece_log") {
		t.Errorf("without tables: %v", err)
	}
	var wg sync.WaitGroup
	for range 5 {
		pool := connect(t, s.addr)
		wg.Go(func() {
			if err := postgres.Migrate(t.Context(), pool); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if at, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err != nil || at.Seq != 1 {
		t.Errorf("Append = %v, %v", at, err)
	}
}

// A hub trims events of AppendTx, and old events.
func TestBackplaneTrims(t *testing.T) {
	t.Parallel()
	pool := connect(t, database(t).addr)
	for _, cfg := range []postgres.BackplaneConfig{
		{MaxHistory: 5},
		{HistoryAge: time.Millisecond},
		{MaxHistory: 5, Poll: 5 * time.Millisecond},
	} {
		name := t.Name() + cfg.HistoryAge.String() + cfg.Poll.String()
		log := postgres.NewBackplane(pool, name, cfg)
		for range 50 {
			if _, err := log.Append(t.Context(), "t", stream.Event{Data: "x"}); err != nil {
				t.Fatal(err)
			}
		}
		cfg.Timeout = 500 * time.Millisecond // the trimming interval
		feed := hub.New(hub.Config{Backplane: postgres.NewBackplane(pool, name, cfg)})
		eventually(t, "the log is trimmed", func() bool {
			last, forgotten, err := log.Bounds(t.Context())
			return err == nil && last.Seq == 50 && last.Seq-forgotten == uint64(cfg.MaxHistory)
		})
		if err := feed.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
