package service

import (
	"encoding/json"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// uploadTopic is that of the uploads in the feed.
const uploadTopic = "uploads"

// A choiceOfTopics is the query of /api/feed. Without one, all topics are sent.
type choiceOfTopics struct {
	Topics []string `query:"topic,default:posts|uploads" validate:"dive,oneof=posts uploads"`
}

// events serves /api/feed. A client that comes back with Last-Event-ID, as an
// EventSource does by itself, is first sent what it has missed.
func (s *Service) events() http.Handler {
	feed := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		in, err := bind.Query[choiceOfTopics](r)
		if err != nil {
			return err
		}
		return s.feed.Serve(w, r, hub.Subscription{Topics: in.Topics})
	})
	// The front end is told what the events hold.
	return stream.Types(map[string]any{"post": Post{}, "upload": uploaded{}})(feed)
}

// announce publishes what is not final before it was announced, as posts are.
func (s *Service) announce(r *http.Request, topic, name string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = s.feed.Publish(r.Context(), topic, stream.Event{Name: name, Data: string(data)})
	}
	if err != nil {
		s.log.Error("announcing", "topic", topic, "error", err)
	}
}
