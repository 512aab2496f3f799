package service

import (
	"encoding/json"
	"net/http"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// uploadTopic is the topic of uploads in the feed.
const uploadTopic = "uploads"

// A choiceOfTopics is the query of /api/feed. If it is empty, the feed has all topics.
type choiceOfTopics struct {
	Topics []string `query:"topic,default:posts|uploads" validate:"dive,oneof=posts uploads"`
}

// events serves /api/feed. A client that reconnects with Last-Event-ID, as an
// EventSource does, first gets the events it missed.
func (s *Service) events() http.Handler {
	feed := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		in, err := bind.Query[choiceOfTopics](r)
		if err != nil {
			return err
		}
		return s.feed.Serve(w, r, hub.Subscription{Topics: in.Topics})
	})
	// The types of the events, for the front end.
	return stream.Types(map[string]any{"post": Post{}, "upload": uploaded{}})(feed)
}

// announce publishes an event that no store announces. A store announces posts.
func (s *Service) announce(r *http.Request, topic, name string, v any) {
	data, err := json.Marshal(v)
	if err == nil {
		_, err = s.feed.Publish(r.Context(), topic, stream.Event{Name: name, Data: string(data)})
	}
	if err != nil {
		s.log.Error("announcing", "topic", topic, "error", err)
	}
}
