package nats_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	natsgo "github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/apiece/apiece/adapters/nats"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// run starts a server in this process, in place of an external one.
func run() (js jetstream.JetStream, stop func(), err error) {
	dir, err := os.MkdirTemp("", "nats")
	if err != nil {
		return nil, nil, err
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		return nil, nil, err
	}
	go s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return nil, nil, fmt.Errorf("the server does not start")
	}
	conn, err := natsgo.Connect(s.ClientURL(), natsgo.ReconnectBufSize(-1), natsgo.MaxReconnects(-1))
	if err != nil {
		return nil, nil, err
	}
	js, err = jetstream.New(conn)
	return js, func() {
		conn.Close()
		s.Shutdown()
		s.WaitForShutdown()
		os.RemoveAll(dir)
	}, err
}

// An event published in one process is sent to a client of another.
func ExampleNewBackplane() {
	js, stop, err := run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	newHub := func() *hub.Hub {
		return hub.New(hub.Config{
			Backplane: nats.NewBackplane(js, "blog-events", nats.BackplaneConfig{}),
		})
	}
	here, there := newHub(), newHub()
	defer here.Shutdown(context.Background())
	defer there.Shutdown(context.Background())

	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = there.Serve(w, r, hub.Subscription{Topics: []string{"posts"}})
	}))
	defer site.Close()
	resp, err := http.Get(site.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()

	if _, err := here.Publish(context.Background(), "posts", stream.Event{Data: "Hello"}); err != nil {
		fmt.Println(err)
	}
	for e, err := range stream.NewReader(resp.Body).All() {
		fmt.Println(e.Data, err)
		break
	}
	// Output: Hello <nil>
}

// The values that a service exports about its log. They are the same in processes that
// keep up.
func ExampleBackplane_Stats() {
	js, stop, err := run()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer stop()
	log := nats.NewBackplane(js, "blog-events", nats.BackplaneConfig{})
	for range 3 {
		if _, err := log.Append(context.Background(), "posts", stream.Event{Data: "Hello"}); err != nil {
			fmt.Println(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	_ = log.Subscribe(ctx, hub.Position{}, func(e hub.Entry) {
		if e.Seq == 3 {
			cancel()
		}
	})
	stats := log.Stats()
	fmt.Println(stats.LastSeq, stats.Reconnects, stats.Lag < time.Minute)
	// Output: 3 0 true
}
