package nextjs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Server settings and graceful shutdown: streams end and requests finish, then
// background revalidation.
func Example_server() {
	feed := hub.New(hub.Config{})
	mux := http.NewServeMux()
	pages := cache.New(cache.Config{Lifetime: cache.Lifetime{TTL: time.Minute}, Origin: mux})
	mux.HandleFunc("GET /api/events", func(w http.ResponseWriter, r *http.Request) {
		feed.Serve(w, r, hub.Subscription{Topics: []string{"posts"}})
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}

	server := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
	stop := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
		defer cancel()
		server.RegisterOnShutdown(func() { feed.Shutdown(ctx) })
		err := errors.Join(server.Shutdown(ctx), server.Close())
		last, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return errors.Join(err, pages.Shutdown(last))
	}

	go server.Serve(listener)
	defer http.DefaultClient.CloseIdleConnections()
	resp, err := http.Get("http://" + listener.Addr().String() + "/api/events")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	feed.Publish(context.Background(), "posts", stream.Event{Data: "the last event"})
	fmt.Println("stopped:", stop())
	for event, err := range stream.NewReader(resp.Body).All() {
		fmt.Println(event.Data, err)
	}
	_, err = io.ReadAll(resp.Body)
	fmt.Println("in good order:", err == nil)
	// Output:
	// stopped: <nil>
	// the last event <nil>
	// in good order: true
}

// A statusWriter wraps the ResponseWriter to log the status.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter {
	return w.ResponseWriter
}

// Your own wrapper with Unwrap, which gives access to all features of the server's writer.
func Example_wrapper() {
	events := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		return s.Send(stream.Event{Data: "hello"})
	})
	inner := middleware.Timeout(time.Minute)(events)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		logged := &statusWriter{ResponseWriter: w}
		inner.ServeHTTP(logged, r)
		fmt.Println("the log has", logged.status)
	}))
	resp, err := http.Get(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	server.Close()
	fmt.Println("the client has", strings.TrimSpace(string(body)))
	// Output:
	// the log has 200
	// the client has data: hello
}
