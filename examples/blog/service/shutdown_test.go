package service

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Held posts are listed once the test allows it.
type held struct {
	Posts
	listing, allowed chan struct{}
}

func (h held) List(ctx context.Context) ([]Post, error) {
	close(h.listing)
	<-h.allowed
	return h.Posts.List(ctx)
}

// TestShutdownStuckSubscriber: a subscriber that reads nothing keeps neither the
// listener open nor a request from its whole response, and is cut in the end.
func TestShutdownStuckSubscriber(t *testing.T) {
	for _, tt := range []struct {
		name         string
		writeTimeout time.Duration
		longest      time.Duration
		err          error
	}{
		{"the hub disconnects it", 0, 10 * time.Second, nil},
		{"the server closes", -1, 15 * time.Second, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { shutDown(t, tt.writeTimeout, tt.longest, tt.err) })
		})
	}
}

func shutDown(t *testing.T, writeTimeout, longest time.Duration, want error) {
	feed := hub.New(hub.Config{WriteTimeout: writeTimeout})
	posts := held{newMemory(feed), make(chan struct{}), make(chan struct{})}
	blog := New(Config{Feed: feed, Posts: posts, Logger: slog.New(slog.DiscardHandler)})
	server := &http.Server{Handler: blog}
	network := testkit.InMemory()
	served := make(chan error, 1)
	go func() { served <- server.Serve(network) }()
	get := func(path string) (*testkit.Link, *bufio.Reader) {
		conn, err := network.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: blog\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		return conn.(*testkit.Link), bufio.NewReader(conn)
	}

	stuck, lines := get("/api/feed")
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "200") {
		t.Fatalf("the feed: %q, %v", line, err)
	}
	stuck.Narrow(1)
	large := stream.Event{Data: strings.Repeat("x", 1<<20)}
	if _, err := feed.Publish(t.Context(), Topic, large); err != nil {
		t.Fatal(err)
	}
	_, response := get("/api/posts")
	<-posts.listing

	begin := time.Now()
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		stopped <- blog.Shutdown(ctx, server)
	}()
	synctest.Wait()
	if _, err := network.Dial(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a connection after Shutdown: %v", err)
	}
	if waited := time.Since(begin); waited != 0 {
		t.Errorf("the listener was open for %v", waited)
	}
	time.Sleep(7 * time.Second)
	select {
	case err := <-stopped:
		t.Fatalf("Shutdown did not wait for a request: %v", err)
	default:
	}
	close(posts.allowed)
	resp, err := http.ReadResponse(response, nil)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), `"title":"Routes"`) {
		t.Errorf("the response is %q, %v", text, err)
	}
	if err := <-stopped; !errors.Is(err, want) {
		t.Errorf("Shutdown: %v, want %v", err, want)
	}
	if took := time.Since(begin); took > longest+time.Second {
		t.Errorf("Shutdown took %v, want at most %v", took, longest)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Errorf("Serve: %v", err)
	}
	synctest.Wait()
	if n := feed.Stats().Subscribers; n != 0 {
		t.Errorf("%d subscribers are left", n)
	}
}
