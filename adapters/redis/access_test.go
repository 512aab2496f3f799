package redis_test

import (
	"context"
	"crypto/tls"
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

// A user with only the commands in the package comment can do everything, over TLS too.
func TestDocumentedCommands(t *testing.T) {
	t.Run("plain", func(t *testing.T) { testAccess(t, start(t)) })
	t.Run("TLS", func(t *testing.T) {
		s := startTLS(t)
		for name, cfg := range map[string]*tls.Config{
			"without TLS":           nil,
			"of another authority":  {Certificates: s.tls.Certificates},
			"without a certificate": {RootCAs: s.tls.RootCAs},
		} {
			client := goredis.NewClient(&goredis.Options{Addr: s.addr, TLSConfig: cfg, MaxRetries: -1, DialerRetries: 1})
			defer client.Close()
			if _, _, err := redis.NewBackplane(client, "blog:events", redis.BackplaneConfig{}).Bounds(t.Context()); err == nil {
				t.Errorf("a client %s has an answer", name)
			}
		}
		testAccess(t, s)
	})
}

func testAccess(t *testing.T, s *server) {
	const commands = "EVAL EVALSHA XADD XRANGE XREVRANGE XTRIM DEL PUBLISH SUBSCRIBE PING " +
		"GET SET GETRANGE EXISTS TIME PEXPIRE PTTL ZADD ZCARD ZCOUNT ZRANGE ZREM ZREMRANGEBYRANK ZREMRANGEBYSCORE ZSCORE"
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(commands) {
		if !strings.Contains(string(doc), name) {
			t.Errorf("the package comment does not say that users need %s", name)
		}
	}

	acl := []any{"ACL", "SETUSER", "blog", "on", ">secret", "~blog:*", "&blog:*", "-@all"}
	for name := range strings.FieldsSeq(commands) {
		acl = append(acl, "+"+strings.ToLower(name))
	}
	s.do(acl...)
	client := goredis.NewClient(&goredis.Options{Addr: s.addr, TLSConfig: s.tls, Username: "blog", Password: "secret"})
	defer client.Close()

	for _, args := range [][]any{{"GET", "other"}, {"XADD", "other:events", "*", "a", "b"}, {"PUBLISH", "other", ""}, {"KEYS", "*"}} {
		if err := client.Do(t.Context(), args...).Err(); !goredis.HasErrorPrefix(err, "NOPERM") {
			t.Errorf("%v: %v, want to have no permission", args, err)
		}
	}
	log := redis.NewBackplane(client, "blog:events", redis.BackplaneConfig{MaxHistory: 10, HistoryLimit: 100})
	feed := hub.New(hub.Config{Backplane: log})
	defer feed.Shutdown(context.Background())
	for range 50 {
		if _, err := feed.Publish(t.Context(), "t", stream.Event{Data: "some text"}); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the events are there", func() bool { return strings.HasSuffix(feed.LastEventID(), "-50") })

	store := redis.NewStore(client, "blog:cache:", redis.StoreConfig{MaxTags: 5})
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Hour}, Store: store, Generations: store, Locker: store})
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
