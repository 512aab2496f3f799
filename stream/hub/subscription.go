package hub

import (
	"errors"
	"net/http"
	"os"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/stream"
)

// A Subscription is what one client wants from a [Hub].
type Subscription struct {
	// Topics are those whose events are sent, at least one. What is replayed
	// comes from these topics alone, whatever Last-Event-ID says.
	Topics []string
	// Overflow says what happens when the client is too slow. The zero Overflow is
	// [Disconnect].
	Overflow Overflow
	// Key says which events of a topic replace each other; [Coalesce] needs it.
	// Events whose key is "" replace nothing.
	Key func(stream.Event) string
	// Client says whose subscription it is, for [Config.MaxPerClient]: a
	// user, an address. "" is not counted.
	Client string
	// LastEventID is where to begin if the request has no Last-Event-ID header.
	// A browser sets that header only when it reconnects: a page that was
	// rendered with [Hub.LastEventID] passes that in the query of its first
	// connection, where it stays.
	LastEventID string
}

func (sub *Subscription) validate() error {
	switch {
	case len(sub.Topics) == 0:
		return errors.New("hub: Subscription without Topics")
	case sub.Overflow == Coalesce && sub.Key == nil:
		return errors.New("hub: Subscription with Overflow Coalesce and without Key")
	case sub.Overflow < Disconnect || sub.Overflow > Coalesce:
		return errors.New("hub: Subscription with unknown " + sub.Overflow.String())
	}
	return nil
}

// GapEvent is the name of the event that tells a client that it has missed
// some. Its data is a JSON object; "after" is the id after which events are
// missing, "" if that is not known. A client should fetch anew what it shows.
const GapEvent = "gap"

// Serve subscribes the client that sent r, and sends it events until it goes,
// the hub is shut down, or [Config.MaxAge] has passed; then it returns nil.
//
// A client that sends Last-Event-ID is first sent the events it has missed of
// the topics it subscribes to, in the order they were published. If they are
// not all there any more, or if the id is not one of this hub, it is first
// sent a [GapEvent]: what is missing is never passed over in silence. A client
// without an id receives what is published from now on. Every client is
// told its position at once and with each heartbeat, so that it can come back
// even if it has not received a single event.
//
// If the client cannot be served, Serve answers, by [Config.OnError] and
// with 503 and Retry-After when the hub is full, logs why, and returns the error. A stream that the client was too slow for ends with an
// error as well; it counts as the client's doing and is not logged.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request, sub Subscription) error {
	s := &subscriber{hub: h, overflow: sub.Overflow, key: sub.Key, client: sub.Client}
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		sub.LastEventID = id
	}
	err := s.conn.Prepare(w, r, flush.Config{MediaType: flush.EventStream, WriteTimeout: h.cfg.WriteTimeout})
	if err == nil {
		err = sub.validate()
	}
	if err == nil {
		err = h.feed.ready(r.Context())
	}
	if err == nil {
		err = s.join(sub.Topics)
	}
	switch {
	case err == flush.ErrHead:
		s.conn.SendHeader()
		return nil
	case err == ErrClosed:
		// An EventSource gives up on an error status, but comes back from this.
		return s.conn.Put(append(s.appendRetry(nil), '\n'))
	case err != nil:
		return s.conn.Refuse(err, h.cfg.OnError, nil)
	}
	defer s.leave()
	if err := s.conn.Start(); err != nil {
		return s.conn.Refuse(err, h.cfg.OnError, nil)
	}
	err = s.run(sub.LastEventID)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		h.stats.disconnected.Add(1)
		return err
	case r.Context().Err() != nil:
		return nil // whatever failed, the client had left
	}
	return err
}
