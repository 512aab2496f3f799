package hub_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func ExampleHub() {
	h := hub.New(hub.Config{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/events", func(w http.ResponseWriter, r *http.Request) {
		h.Serve(w, r, hub.Subscription{Topics: []string{"posts"}})
	})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Handler: mux}
	// Shutdown waits for the open streams; the hub has to end them.
	server.RegisterOnShutdown(func() { h.Shutdown(context.Background()) })
	go server.Serve(l)

	req, _ := http.NewRequest("GET", "http://"+l.Addr().String()+"/api/events", nil)
	req.Header.Set("Last-Event-ID", h.LastEventID())
	h.Publish(context.Background(), "posts", stream.Event{Name: "created", Data: "first post"})
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	for event, err := range stream.NewReader(resp.Body).All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Name, event.Data)
		break
	}
	fmt.Println(server.Shutdown(context.Background()))
	io.Copy(io.Discard, resp.Body)
	http.DefaultClient.CloseIdleConnections()
	// Output:
	// created first post
	// <nil>
}
