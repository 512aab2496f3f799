// Command blog is a small service built with most pieces of the kit: a JSON API
// with the routes of Next.js, forms, cookies, a signed webhook, server-sent
// events, a time limit and a size limit, and one page that tries them all.
//
//	go run ./examples/blog
//
// The service itself is an ordinary http.Handler on an ordinary ServeMux; the
// kit owns neither, nor the server.
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
)

func main() {
	addr := flag.String("addr", "localhost:8080", "where to listen; port 0 takes a free one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once

	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		err = run(ctx, listener)
	}
	if err != nil {
		slog.Error("blog", "error", err)
		os.Exit(1)
	}
}

// run serves until ctx ends, and then lets open requests finish.
func run(ctx context.Context, listener net.Listener) error {
	blog := newBlog(slog.Default())
	server := &http.Server{
		Handler:           blog.routes(),
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
	// A server that shuts down waits for open streams and does not tell them,
	// so the feed ends first. Pages may still be rendered behind a reader's
	// back after it.
	deadline, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := errors.Join(blog.feed.Shutdown(deadline), server.Shutdown(deadline), blog.pages.Shutdown(deadline))
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}
