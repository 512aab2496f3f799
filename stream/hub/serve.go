package hub

import (
	"cmp"
	"errors"
	"net/http"
	"os"
	"reflect"
	"slices"

	"github.com/apiece/apiece/internal/flush"
)

// Serve subscribes the client that sent r, and sends it events until it goes, the hub is
// shut down, or [Config.MaxAge] has passed; then it returns nil.
//
// A client that sends Last-Event-ID, in the header or in the query, first receives the
// events it has missed of its topics, in the order they were published. If some of them
// are gone, it first receives a [GapEvent]: missing events are always reported. The same
// holds for an id of another hub; then the latest events follow, [Config.MaxHistory] at
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
	err := s.conn.Prepare(w, r, flush.Config{MediaType: flush.EventStream, WriteTimeout: h.cfg.WriteTimeout, Closes: true})
	if err == nil {
		err = h.check(sub)
	}
	if err == nil {
		err = s.admit()
	}
	if err == nil {
		err = h.follower.ready(r.Context())
	}
	if err == nil {
		err = s.join(sub.Topics)
	}
	if err == nil {
		h.presence.add(s.topics, s.client, 1)
		err = s.conn.LiftLimits()
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
		return s.conn.WriteAndFlush(append(s.hub.appendRetry(nil), flush.FinalComment...))
	}
	return s.conn.Refuse(err, s.hub.cfg.OnError, nil)
}

// exit undoes what enter has done, even if that failed half-way.
func (s *subscriber) exit() {
	s.conn.Close(false)
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
		s.conn.Close(true)
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
