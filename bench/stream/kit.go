package stream

import (
	"context"
	"net/http"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/stream"
)

var kitHub = broker{"kit Hub", "", compare.Kit, func() instance {
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
