package hub_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"log"
	"net"
	"net/http"
	"net/http/httptest"

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
	// Shutdown waits for open streams; the hub has to end them.
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

// An endpoint in one line.
func ExampleHub_Handler() {
	posts := hub.New(hub.Config{})
	mux := http.NewServeMux()
	mux.Handle("GET /api/events", posts.Handler("posts"))

	id := posts.LastEventID()
	posts.Publish(context.Background(), "posts", stream.Event{Name: "created", Data: "first post"})
	for event := range events(mux, "/api/events?lastEventId="+id, 1) {
		fmt.Println(event.Name, event.Data)
	}
	// Output: created first post
}

// Topics that depend on the request, and an end: an EventSource reconnects after every
// stream, unless the response is 204.
func ExampleHub_Serve() {
	jobs := hub.New(hub.Config{})
	running := map[string]bool{"7": true}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/jobs/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !running[id] {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		jobs.Serve(w, r, hub.Subscription{
			Topics:  []string{"job " + id},
			History: -1, // a late client receives all events so far
		})
	})

	jobs.Publish(context.Background(), "job 7", stream.Event{Data: "half"})
	jobs.Publish(context.Background(), "job 7", stream.Event{Data: "done"})
	for event := range events(mux, "/api/jobs/7", 2) {
		fmt.Println(event.Data)
	}
	running["7"] = false
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest("GET", "/api/jobs/7", nil))
	fmt.Println(w.Code)
	// Output:
	// half
	// done
	// 204
}

func ExampleHub_Present() {
	told := make(chan string)
	room := hub.New(hub.Config{OnPresence: func(topic, client string, present bool) {
		told <- fmt.Sprintln(client, present, topic)
	}})
	ctx, leave := context.WithCancel(context.Background())
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	go room.Serve(httptest.NewRecorder(), r, hub.Subscription{Topics: []string{"room 1"}, Client: "ann"})

	fmt.Print(<-told)
	fmt.Println(room.Present("room 1"))
	leave()
	fmt.Print(<-told)
	// Output:
	// ann true room 1
	// [ann]
	// ann false room 1
}

// events requests a stream from h, and yields the first n events.
func events(h http.Handler, target string, n int) iter.Seq[stream.Event] {
	server := httptest.NewServer(h)
	resp, err := http.Get(server.URL + target)
	if err != nil {
		log.Fatal(err)
	}
	return func(yield func(stream.Event) bool) {
		defer server.Close()
		defer server.CloseClientConnections()
		defer resp.Body.Close()
		for event, err := range stream.NewReader(resp.Body).All() {
			if err != nil {
				log.Fatal(err)
			}
			yield(event)
			if n--; n == 0 {
				return
			}
		}
	}
}
