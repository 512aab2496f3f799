package stream_test

import (
	"context"
	"net/http"

	"github.com/apiece/apiece/stream"
)

var kitHub = broker{"kit Hub", func() instance {
	hub := stream.NewHub(stream.HubConfig{MaxSubscribers: -1})
	return instance{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = hub.Serve(w, r, stream.Subscription{Topics: []string{topic}})
		}),
		publish: func(data string) {
			_, _ = hub.Publish(context.Background(), topic, stream.Event{Name: eventName, Data: data})
		},
	}
}}
