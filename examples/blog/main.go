// Command blog is a small service that uses most pieces of the kit, with one page
// that tries them all.
//
//	go run ./examples/blog
//
// The handlers are in package service. The server and the process are here. To run
// several processes, see examples/cluster.
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

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once

	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		err = run(ctx, listener)
	}
	if err != nil {
		slog.Error("blog", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx is done, and then lets open requests finish.
func run(ctx context.Context, listener net.Listener) error {
	blog := service.New(service.Config{})
	server := &http.Server{
		Handler:           blog,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
	}
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
	err := blog.Shutdown(deadline, server)
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
