package stream_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/apiece/apiece/stream"
)

// progress is the data of an event.
type progress struct {
	Percent int `json:"percent"`
}

// convert reports its progress, and stops the client from reconnecting when it is done.
func convert(s *stream.Stream) error {
	if s.LastEventID() == "100" {
		return stream.ErrStop // 204: an EventSource does not reconnect
	}
	for percent := 50; percent <= 100; percent += 50 {
		if err := s.Send(stream.Event{ID: fmt.Sprint(percent), Name: "progress", Data: fmt.Sprintf(`{"percent":%d}`, percent)}); err != nil {
			return err // the client has left
		}
	}
	return nil
}

// A service that sends events, and a client that reads them.
func ExampleTypes() {
	mux := http.NewServeMux()
	types := stream.Types(map[string]any{"progress": progress{}}) // for package typescript
	mux.Handle("GET /api/convert", types(stream.Handler(stream.Config{}, convert)))
	server := httptest.NewServer(mux)
	defer server.Close()

	last := ""
	for range 2 {
		r, err := http.NewRequest("GET", server.URL+"/api/convert", nil)
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
		fmt.Println(resp.StatusCode)
		for event, err := range stream.NewReader(resp.Body).All() {
			fmt.Println(event.Name, event.Data, err)
			last = event.ID
		}
		resp.Body.Close()
	}
	// Output:
	// 200
	// progress {"percent":50} <nil>
	// progress {"percent":100} <nil>
	// 204
}
