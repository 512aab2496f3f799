package redis_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/apiece/apiece/adapters/redis"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A user who may do what the package comment says, and nothing else, can do
// everything.
func TestAccess(t *testing.T) {
	const commands = "EVAL EVALSHA XADD XRANGE XREVRANGE XTRIM DEL PUBLISH SUBSCRIBE PING " +
		"GET SET GETRANGE EXISTS TIME ZADD ZCARD ZRANGE ZREM ZREMRANGEBYSCORE ZSCORE"
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(commands) {
		if !strings.Contains(string(doc), name) {
			t.Errorf("the package comment does not say that users need %s", name)
		}
	}

	s := start(t)
	acl := []any{"ACL", "SETUSER", "blog", "on", ">secret", "~blog:*", "&blog:*", "-@all"}
	for name := range strings.FieldsSeq(commands) {
		acl = append(acl, "+"+strings.ToLower(name))
	}
	s.do(acl...)
	client := goredis.NewClient(&goredis.Options{Addr: s.addr, Username: "blog", Password: "secret"})
	defer client.Close()

	log := redis.NewBackplane(client, "blog:events", redis.BackplaneConfig{History: 10, HistoryBytes: 100})
	feed := hub.New(hub.Config{Backplane: log})
	defer feed.Shutdown(context.Background())
	for range 50 {
		if _, err := feed.Publish(t.Context(), "t", stream.Event{Data: "some text"}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the events are there", func() bool { return strings.HasSuffix(feed.LastEventID(), "-50") })

	store := redis.NewStore(client, "blog:cache:", redis.StoreConfig{Tags: 5})
	pages := cache.New(cache.Config{Policy: cache.Policy{TTL: time.Hour}, Store: store, Generations: store})
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
	unlock, err := store.Lock(t.Context(), "key")
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	unlock, err = store.Lock(t.Context(), "key")
	if err != nil || unlock == nil {
		t.Errorf("the lock was not released: %v", err)
	}
}
