package hub_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A chat is rooms of a hub.
type chat struct{ rooms *hub.Hub }

func (c chat) say(w http.ResponseWriter, r *http.Request) {
	_, err := c.rooms.Publish(r.Context(), r.PathValue("room"), stream.Event{Data: r.FormValue("text")})
	if err != nil {
		http.Error(w, "not sent", http.StatusServiceUnavailable)
	}
}

func (c chat) listen(w http.ResponseWriter, r *http.Request) {
	if err := c.rooms.Serve(w, r, hub.Subscription{Topics: []string{r.PathValue("room")}}); err != nil {
		fmt.Println(err)
	}
}

// A chat. A client that loses the connection has missed nothing after it reconnects.
func ExampleHub_Publish() {
	c := chat{hub.New(hub.Config{MaxHistory: 100})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /rooms/{room}", c.say)
	mux.HandleFunc("GET /rooms/{room}", c.listen)
	server := httptest.NewServer(mux)
	defer server.Close()
	defer c.rooms.Shutdown(context.Background()) // before the server

	say := func(room, text string) {
		mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("POST", "/rooms/"+room+"?text="+text, nil))
	}
	last := c.rooms.LastEventID()
	for _, text := range []string{"hello", "again"} {
		say("kitchen", text) // while the client is away
		say("garden", "rain")
		r, err := http.NewRequest("GET", server.URL+"/rooms/kitchen", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		r.Header.Set("Last-Event-ID", last)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			fmt.Println(err)
			return
		}
		for event, err := range stream.NewReader(resp.Body).All() {
			if event.Data != "" {
				fmt.Println(event.Data, err)
				last = event.ID
				break
			}
		}
		resp.Body.Close()
	}
	// Output:
	// hello <nil>
	// again <nil>
}
