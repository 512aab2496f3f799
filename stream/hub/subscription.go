package hub

import (
	"errors"

	"github.com/apiece/apiece/stream"
)

// A Subscription is what one client subscribes to at a [Hub].
type Subscription struct {
	// Topics are the topics whose events are sent, at least one. Replay covers these
	// topics only, whatever Last-Event-ID says.
	Topics []string
	// Overflow says what happens when the client is too slow. The zero Overflow is
	// [Disconnect].
	Overflow Overflow
	// Key returns a key for each event; [Coalesce], which requires it, lets an event
	// replace earlier ones of its topic with the same key. Events with key "" replace
	// nothing.
	Key func(stream.Event) string
	// Client identifies the client, such as a user or an address, for
	// [Config.MaxPerClient] and [Hub.Present]. "" is not counted.
	Client string
	// LastEventID is where to begin if the request has no Last-Event-ID, neither in its
	// header nor in its query.
	LastEventID string
	// History is how many of the latest events, of all Topics together, a client without
	// an id is sent first. 0 is none, negative is all there are.
	History int
}

// check returns what is wrong with a subscription.
func (h *Hub) check(sub *Subscription) error {
	switch {
	case len(sub.Topics) == 0:
		return errors.New("hub: Subscription without Topics")
	case sub.Overflow == Coalesce && sub.Key == nil:
		return errors.New("hub: Subscription with Overflow Coalesce and without Key")
	case sub.Overflow > Coalesce:
		return errors.New("hub: Subscription with unknown " + sub.Overflow.String())
	case h.cfg.MaxTopics > 0 && len(sub.Topics) > h.cfg.MaxTopics:
		return &topicsError{len(sub.Topics), h.cfg.MaxTopics}
	}
	return nil
}
