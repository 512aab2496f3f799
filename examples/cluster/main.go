// Command cluster runs examples/blog in several processes, over PostgreSQL, NATS or
// Redis. A client may connect to any of them: a post to one process reaches the
// readers of all, and a reader whose process has crashed resumes at another one.
//
//	go -C examples/cluster run . -addr localhost:8081 -redis redis://localhost:6379 &
//	go -C examples/cluster run . -addr localhost:8082 -redis redis://localhost:6379 &
//	curl -N localhost:8081/api/feed &
//	curl -d 'title=Hello&text=World' localhost:8082/api/posts
//
// The service is the same package as in one process. Only its Config differs: a hub
// with a backplane, a store for the posts, and for PostgreSQL and Redis a store for
// the cached pages.
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

	"github.com/apiece/apiece/examples/blog/service"
)

// An engine is what the processes share: it returns the Config of the service, and a
// function that closes its connections.
type engine func(ctx context.Context, url string) (service.Config, func(), error)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen; port 0 takes a free one")
	engines := map[string]engine{"postgres": onPostgres, "nats": onNATS, "redis": onRedis}
	urls := map[string]*string{
		"postgres": flag.String("postgres", "", "the URL of a database, such as postgres://user@localhost/blog"),
		"nats":     flag.String("nats", "", "the URL of a server with JetStream, such as nats://localhost:4222"),
		"redis":    flag.String("redis", "", "the URL of a server, such as redis://localhost:6379"),
	}
	flag.Parse()
	var open engine
	var url string
	for name, value := range urls {
		if *value != "" && open != nil {
			fatal(errors.New("give one of -postgres, -nats and -redis"))
		}
		if *value != "" {
			open, url = engines[name], *value
		}
	}
	if open == nil {
		fatal(errors.New("give -postgres, -nats or -redis; examples/blog needs none of them"))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := run(ctx, *addr, url, open); err != nil {
		fatal(err)
	}
}

func fatal(err error) {
	slog.Error("cluster", "error", err)
	os.Exit(1)
}

// run serves until ctx is done, and then lets open requests finish.
func run(ctx context.Context, addr, url string, open engine) error {
	opening, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cfg, closeEngine, err := open(opening, url)
	if err != nil {
		return err
	}
	defer closeEngine()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	blog := service.New(cfg)
	server := &http.Server{Handler: blog, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	fmt.Printf("The blog is at http://%s/\n", listener.Addr())

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	deadline, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return blog.Shutdown(deadline, server)
}
