package stream

import (
	"net/http"

	"github.com/tmaxmax/go-sse"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/bench/internal/null"
)

const gosseModule = "github.com/tmaxmax/go-sse"

// gosseMessage makes a message for each event, as a service does that has
// something new to say.
var gosseMessage = encoder{"go-sse Message", gosseModule, compare.Rival, func(w *null.Writer) func(string) {
	return func(data string) {
		_, _ = gosseEvent(data).WriteTo(w)
		w.Flush()
	}
}}

func gosseEvent(data string) *sse.Message {
	m := &sse.Message{ID: sse.ID(eventID), Type: sse.Type(eventName)}
	m.AppendData(data)
	return m
}

// gosseJoe is the provider of go-sse: one goroutine writes to all subscribers.
var gosseJoe = broker{"go-sse Joe", gosseModule, compare.Rival, func() instance {
	joe := new(sse.Joe)
	return instance{
		Handler: &sse.Server{Provider: joe, OnSession: func(w http.ResponseWriter, r *http.Request) ([]string, bool) {
			return []string{topic}, true
		}},
		publish: func(data string) { _ = joe.Publish(gosseEvent(data), []string{topic}) },
	}
}}
