// Command blog is a service that runs in several processes behind one Redis. A
// reader may be connected to any of them: what is posted at one arrives at the
// readers of all, and a page that is revalidated at one is new at all.
//
//	go run ./examples/blog -addr localhost:8081 &
//	go run ./examples/blog -addr localhost:8082 &
//	curl -N localhost:8081/api/feed &
//	curl -d '{"title":"Hello"}' -H 'Content-Type: application/json' localhost:8082/api/posts
//	curl localhost:8081/
//
// In one process the same service would leave out the two lines that name
// Redis.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen; port 0 takes a free one")
	server := flag.String("redis", "localhost:6379", "where Redis is")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *server); err != nil {
		slog.Error("blog", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets open requests finish.
func run(ctx context.Context, addr, redisAddr string) error {
	// The deadlines of requests hold for Redis as well. TLS and passwords are
	// set here too.
	client := goredis.NewClient(&goredis.Options{Addr: redisAddr, ContextTimeoutEnabled: true})
	defer client.Close()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	b := newBlog(client, listener.Addr().String())
	server := &http.Server{Handler: b.routes(), ReadHeaderTimeout: 5 * time.Second}
	fmt.Printf("The blog is at http://%s/\n", listener.Addr())

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	// The feed ends first: a server that shuts down waits for open streams and
	// does not tell them. The pages end last: requests may set off refreshes.
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return errors.Join(b.feed.Shutdown(deadline), server.Shutdown(deadline), b.pages.Shutdown(deadline))
}
