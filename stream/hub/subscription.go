package hub

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"slices"

	"github.com/apiece/apiece/internal/flush"
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

// topicsError refuses a subscription to too many topics, usually named by the client.
type topicsError struct{ topics, most int }

func (e *topicsError) Error() string {
	return fmt.Sprintf("hub: %d topics in a subscription, the most is %d", e.topics, e.most)
}
func (e *topicsError) StatusCode() int       { return http.StatusBadRequest }
func (e *topicsError) PublicMessage() string { return fmt.Sprintf("at most %d topics", e.most) }

// GapEvent is the name of the event that tells a client that it has missed some. Its data
// is a JSON object; "after" is the id after which events are missing, "" if unknown. A
// client should then reload its state.
const GapEvent = "gap"

// Serve subscribes the client that sent r, and sends it events until it goes, the hub is
// shut down, or [Config.MaxAge] has passed; then it returns nil.
//
// A client that sends Last-Event-ID, in the header or in the query, first receives the
// events it has missed of its topics, in the order they were published. If some of them
// are gone, it first receives a [GapEvent]: missing events are always reported. The same
// holds for an id of another hub; then the latest events follow, [Config.History] at
// most. A client without an id receives what [Subscription.History] asks for, and then
// new events.
//
// If the client cannot be served, Serve responds through [Config.OnError], logs why, and
// returns the error: 400 for more topics than [Config.MaxTopics], 503 with Retry-After if
// the hub is full or its backplane has not responded for 5 seconds, 500 if the
// Subscription is wrong. Until a client is admitted, the limits of the server and of
// middleware.Timeout apply. A stream that the client was too slow for ends with an error
// as well; it counts as the client's fault and is not logged.
//
// To stop an EventSource for good, respond with http.StatusNoContent and do not call
// Serve: after every other end it reconnects.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, sub Subscription) error {
	s := &subscriber{hub: h, key: sub.Key, client: sub.Client}
	defer s.exit()
	if err := s.enter(w, r, &sub); err != nil {
		return s.refuse(err)
	}
	// The stack here lives as long as the client: keep it small.
	return s.ended(s.run())
}

// enter admits the client that sent r, and finds where it begins.
func (s *subscriber) enter(w http.ResponseWriter, r *http.Request, sub *Subscription) error {
	h := s.hub
	s.overflow = sub.Overflow
	err := s.conn.Prepare(w, r, flush.Config{MediaType: flush.EventStream, WriteTimeout: h.cfg.WriteTimeout, Shuts: true})
	if err == nil {
		err = h.check(sub)
	}
	if err == nil {
		err = s.admit()
	}
	if err == nil {
		err = h.feed.ready(r.Context())
	}
	if err == nil {
		err = s.join(sub.Topics)
	}
	if err == nil {
		h.presence.move(s.topics, s.client, 1)
		err = s.conn.Start()
	}
	if err == nil {
		s.seek(cmp.Or(flush.LastEventID(r, h.cfg.LastEventIDParam), sub.LastEventID), sub.History)
	}
	return err
}

// refuse responds to a client that was not admitted.
func (s *subscriber) refuse(err error) error {
	switch err {
	case flush.ErrHead:
		s.conn.SendHeader()
		return nil
	case ErrClosed:
		// An EventSource gives up on an error status, but reconnects after this.
		return s.conn.Put(append(s.hub.appendRetry(nil), flush.Parting...))
	}
	return s.conn.Refuse(err, s.hub.cfg.OnError, nil)
}

// exit undoes what enter has done, even if that failed half-way.
func (s *subscriber) exit() {
	s.conn.Shut(false)
	s.leave()
	s.dismiss()
}

// ended returns what Serve returns for the error of run.
func (s *subscriber) ended(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.hub.stats.disconnected.Add(1)
		return err
	case err == errTooSlow:
		s.hub.stats.disconnected.Add(1)
		s.conn.Cut(err) // some clients do not reconnect after a normal end
		return err
	case s.conn.Context().Err() != nil:
		err = nil // the client had left, whatever failed
	}
	if err == nil {
		s.conn.Shut(true)
	}
	return err
}

// Handler returns a handler that subscribes each client to the topics. For topics that
// depend on the request, and other settings of a [Subscription], call [Hub.Serve] in a
// handler. It panics without topics.
func (h *Hub) Handler(topics ...string) http.Handler {
	sub := Subscription{Topics: slices.Clone(topics)}
	if err := h.check(&sub); err != nil {
		panic(err)
	}
	return &handler{h, sub}
}

type handler struct {
	hub *Hub
	sub Subscription
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = h.hub.Serve(w, r, h.sub) // Serve has responded to errors
}

// EventTypes tells generators about the gap event; the nil says that there are others,
// which stream.Types may name.
func (h *handler) EventTypes() map[string]reflect.Type {
	return map[string]reflect.Type{GapEvent: reflect.TypeFor[gap](), "": nil}
}

// gap is the data of a GapEvent.
type gap struct {
	After string `json:"after"`
}
