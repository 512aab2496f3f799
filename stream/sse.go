package stream

import (
	"context"
	"io"
	"net/http"
	"strings"

	"github.com/apiece/apiece/internal/flush"
)

// A Stream is a response made of server-sent events, open until the handler
// returns. Its methods are safe for concurrent use; none may be called once the
// handler has returned.
type Stream struct{ conn flush.Conn }

// SSE begins an event stream (Content-Type: text/event-stream) as the response
// to r. Nothing is sent before the first event, so until then an error can be
// answered as usual; call Flush to let the client know at once that the stream
// is open. Cache-Control is "no-cache, no-transform" unless it was set, and
// X-Accel-Buffering: no tells nginx not to buffer. A deadline set by
// middleware.Timeout is lifted, as are those of the http.Server.
//
// If no stream can be opened, because nothing below w can flush, SSE answers
// 500, logs why, and returns the error. A HEAD request gets the header, and an
// error that needs no answer.
//
// Read the body of the request first: on HTTP/1 it is gone once the response
// has begun.
func SSE(w http.ResponseWriter, r *http.Request, cfg Config) (*Stream, error) {
	s := new(Stream)
	err := s.conn.Prepare(w, r, cfg.flush(flush.EventStream))
	if err == nil {
		err = s.conn.Start()
	}
	if err != nil {
		return nil, s.conn.Refuse(err, cfg.OnError, cfg.Logger)
	}
	return s, nil
}

// Context ends when the client is gone or when [Config.Until] is done. Pass it
// to whatever produces the events.
func (s *Stream) Context() context.Context { return s.conn.Context() }

// Request returns the request that the stream answers.
func (s *Stream) Request() *http.Request { return s.conn.Request() }

// Header returns the header of the response. Changes have an effect up to the
// first event.
func (s *Stream) Header() http.Header { return s.conn.Writer().Header() }

// LastEventID returns the id of the last event that the client has received,
// which it sends when it reconnects; "" on a first connection. The client may
// send anything.
func (s *Stream) LastEventID() string { return s.Request().Header.Get("Last-Event-ID") }

// Send writes the events and then flushes, once. An event that cannot be
// encoded is an [*EventError]: nothing of the call is written, and the stream
// goes on. Any other error ends it: the client is gone, has not read for as long
// as [Config.WriteTimeout], or [Config.Until] is done.
func (s *Stream) Send(events ...Event) error {
	// Large data is copied too. Written as a string it would go out in pieces
	// of 2 KB, which is how net/http takes strings, and need twice the time.
	buf := flush.Borrow()
	defer buf.Free()
	for i := range events {
		var err error
		if buf.B, err = events[i].AppendTo(buf.B); err != nil {
			return err
		}
	}
	return s.conn.Send(buf.B)
}

// SendJSON writes an unnamed event whose data is v as JSON, and flushes. If v
// cannot be encoded, nothing is written and the stream goes on. Characters
// that matter only in HTML are not escaped.
func (s *Stream) SendJSON(v any) error {
	buf := flush.Borrow()
	defer buf.Free()
	buf.B = append(buf.B, "data: "...)
	if err := buf.Encode(v); err != nil {
		return err
	}
	buf.B = append(buf.B, "\n\n"...)
	return s.conn.Send(buf.B)
}

// Flush sends the header if nothing was sent yet: it opens the stream. Send
// and SendJSON need no Flush after them.
func (s *Stream) Flush() error { return s.conn.Send(nil) }

// Relay sends the events of another stream as they arrive, until it ends, and
// closes src. When the client goes, src is closed at once, which ends the
// request that it is the body of. Ids and names are kept, but for whitespace
// around an id, which would not come back; comments and retry are not, since
// when to come back to this server is for this one to say.
//
// To change events on the way, range over a [Reader] instead.
func (s *Stream) Relay(src io.ReadCloser) error {
	defer src.Close()
	defer context.AfterFunc(s.Context(), func() { src.Close() })()
	for event, err := range NewReader(src).All() {
		if s.Context().Err() != nil {
			return context.Cause(s.Context())
		}
		if err != nil {
			return err
		}
		event.ID = strings.Trim(event.ID, " \t")
		if event.Data == "" && event.Name == "" {
			event.Name = "message" // see Event
		}
		if err := s.Send(event); err != nil {
			return err
		}
	}
	return nil
}
