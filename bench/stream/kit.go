package stream

import (
	"context"
	"net/http"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

var kitHub = broker{"kit Hub", "", compare.Kit, func() instance {
	h := hub.New(hub.Config{MaxSubscribers: -1})
	return instance{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = h.Serve(w, r, hub.Subscription{Topics: []string{topic}})
		}),
		publish: func(data string) {
			_, _ = h.Publish(context.Background(), topic, stream.Event{Name: eventName, Data: data})
		},
	}
}}
