package stream

import (
	"net/http"

	"github.com/r3labs/sse/v2"

	"github.com/apiece/apiece/bench/internal/compare"
)

// r3labs has a goroutine for each stream, and a channel and a second goroutine for
// each subscriber. Its replay is off: it would keep every event forever.
var r3labs = broker{"r3labs", "github.com/r3labs/sse/v2", compare.Rival, func() instance {
	s := sse.New()
	s.AutoReplay = false
	s.CreateStream(topic)
	return instance{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r = r.Clone(r.Context())
			r.URL.RawQuery = "stream=" + topic
			s.ServeHTTP(w, r)
		}),
		publish: func(data string) {
			s.Publish(topic, &sse.Event{ID: []byte(eventID), Event: []byte(eventName), Data: []byte(data)})
		},
	}
}}
