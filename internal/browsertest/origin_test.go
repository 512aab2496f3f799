package browsertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A message is what a client passes to its program.
type message struct{ Type, Data, ID string }

// A source is what an origin streams from.
type source interface {
	http.Handler
	// publish returns the message that clients must receive.
	publish(stream.Event) (message, error)
	// aside publishes an event that they did not subscribe to, if possible.
	aside(context.Context) error
}

// pulse is short, so that many heartbeats fall between messages.
const pulse = 20 * time.Millisecond

// hubSource is a hub, of which clients subscribe to one topic.
type hubSource struct{ hub *hub.Hub }

func newHubSource() source {
	return hubSource{hub.New(hub.Config{Heartbeat: pulse, Retry: pulse})}
}

func (s hubSource) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = s.hub.Serve(w, r, hub.Subscription{Topics: []string{"t"}})
}

func (s hubSource) publish(e stream.Event) (message, error) {
	id, err := s.hub.Publish(context.Background(), "t", e)
	return sent(e, id), err
}

func (s hubSource) aside(ctx context.Context) error {
	_, err := s.hub.Publish(ctx, "elsewhere", stream.Event{Data: `"elsewhere"`})
	return err
}

// handlerSource is a stream.Handler over a list of events, whose ids are their indices.
type handlerSource struct {
	http.Handler

	mu      sync.Mutex
	events  []stream.Event
	changed chan struct{}
}

func newHandlerSource() source {
	s := &handlerSource{changed: make(chan struct{})}
	s.Handler = stream.Handler(stream.Config{Heartbeat: pulse}, s.send)
	return s
}

func (s *handlerSource) send(to *stream.Stream) error {
	if err := to.Flush(); err != nil {
		return err
	}
	next, _ := strconv.Atoi(to.LastEventID())
	for {
		s.mu.Lock()
		pending, changed := s.events[next:], s.changed
		s.mu.Unlock()
		for _, e := range pending {
			if err := to.Send(e); err != nil {
				return err
			}
		}
		next += len(pending)
		select {
		case <-changed:
		case <-to.Context().Done():
			return nil
		}
	}
}

func (s *handlerSource) publish(e stream.Event) (message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e.ID = strconv.Itoa(len(s.events) + 1)
	e.Retry = pulse
	s.events = append(s.events, e)
	close(s.changed)
	s.changed = make(chan struct{})
	return sent(e, e.ID), nil
}

func (s *handlerSource) aside(context.Context) error { return nil }

// sent is the form in which clients receive an event.
func sent(e stream.Event, id string) message { return named(e.Name, e.Data, id) }

// An origin is a server whose stream can be cut, for one client.
type origin struct {
	*httptest.Server
	source

	quiet    chan struct{} // a value for each write without a message
	accepted chan struct{} // a value for each stream that began

	mu  sync.Mutex
	cut func()
	n   int // streams that began
}

func newOrigin(from source) *origin {
	o := &origin{source: from, quiet: make(chan struct{}), accepted: make(chan struct{}, 1000)}
	mux := http.NewServeMux()
	mux.HandleFunc("/events", o.serve)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, page, "/events")
	})
	o.Server = httptest.NewUnstartedServer(mux)
	o.Config.ErrorLog = log.New(io.Discard, "", 0)
	o.Start()
	return o
}

func (o *origin) close() {
	o.CloseClientConnections()
	o.Close()
}

// serve ends in good order, aborts, or resets the connection, in turns.
func (o *origin) serve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	o.mu.Lock()
	o.n++
	n := o.n
	o.cut = cancel
	o.mu.Unlock()
	o.accepted <- struct{}{}
	o.source.ServeHTTP(&watched{w, o.quiet}, r.WithContext(ctx))
	switch n % 3 {
	case 1:
		panic(http.ErrAbortHandler)
	case 2:
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	}
}

// watched signals writes without a message.
type watched struct {
	http.ResponseWriter
	quiet chan struct{}
}

func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watched) Write(p []byte) (int, error) {
	if len(p) > 0 && !bytes.Contains(p, []byte("data:")) {
		select {
		case w.quiet <- struct{}{}:
		default:
		}
	}
	return w.ResponseWriter.Write(p)
}

// accept waits until the client has connected.
func (o *origin) accept(ctx context.Context) error {
	select {
	case <-o.accepted:
		return nil
	case <-ctx.Done():
		return errors.New("the client does not come back")
	}
}

// idle waits for a write without a message.
func (o *origin) idle(ctx context.Context) error {
	select {
	case <-o.quiet:
		return nil
	case <-ctx.Done():
		return errors.New("no heartbeat")
	}
}

// drop cuts the open stream.
func (o *origin) drop(context.Context) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cut()
	return nil
}
