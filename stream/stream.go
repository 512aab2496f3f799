package stream

import (
	"context"
	"net/http"

	"github.com/apiece/apiece/internal/flush"
)

// A Stream is a response of server-sent events, open until the handler returns. Its
// methods are safe for concurrent use; none may be called after the handler has returned.
type Stream struct {
	conn  flush.Conn
	param string // Config.LastEventIDParam
}

// SSE begins an event stream (Content-Type: text/event-stream) as the response to r.
// Nothing is sent before the first event, so until then the handler can respond with an
// error, and the limits of the response apply: the WriteTimeout of the http.Server, the
// deadline of a middleware.Timeout. The first event lifts them. If that may take time,
// call Flush to open the stream at once, or set [Config.Heartbeat]. Cache-Control is
// "no-cache, no-transform" unless it was set, and X-Accel-Buffering: no tells nginx not
// to buffer. Set other header fields before: from here on w belongs to the Stream, whose
// heartbeats may send the header at any time.
//
// With a Heartbeat, defer [Stream.Close].
//
// If no stream can be opened, because no ResponseWriter below w can flush, SSE responds
// with 500, logs why, and returns the error. A HEAD request gets the header, and an error
// that needs no response.
//
// Read the request body first: on HTTP/1 it is gone once the response has begun.
// http.Server.ReadTimeout bounds reading it, also while events are sent, which HTTP/2
// allows.
func SSE(w http.ResponseWriter, r *http.Request, cfg Config) (*Stream, error) {
	s := &Stream{param: cfg.LastEventIDParam}
	beats := cfg.Heartbeat > 0
	if err := s.conn.Prepare(w, r, cfg.flush(flush.EventStream, beats)); err != nil {
		return nil, s.conn.Refuse(err, cfg.OnError, cfg.Logger)
	}
	if beats {
		s.conn.StartHeartbeat(cfg.Heartbeat, heartbeatLine)
	}
	return s, nil
}

// Close stops the heartbeats of a Stream that [SSE] began with a [Config.Heartbeat], and
// makes every later Send fail. It sends nothing, and if nothing was sent it leaves the
// response to the handler. Without it a heartbeat could end up in the next response on
// the connection: defer it at once. A Stream of [Handler] does not need it.
func (s *Stream) Close() { s.conn.Close(false) }

// Context is done when the client is gone or [Config.Until] is done. Pass it to the
// source of the events.
func (s *Stream) Context() context.Context { return s.conn.Context() }

// Request returns the request of the stream.
func (s *Stream) Request() *http.Request { return s.conn.Request() }

// LastEventID returns the id of the last event that the client received, which it sends
// when it reconnects; "" on a first connection. A browser sends it as the Last-Event-ID
// header, a polyfill in the query, see [Config.LastEventIDParam]. The client may send
// anything, but an id that [Event] would refuse, with a line break or NUL, is returned as
// "".
func (s *Stream) LastEventID() string { return flush.LastEventID(s.Request(), s.param) }

// Send writes the events and then flushes, once. If an event cannot be encoded, the error
// is an [*EventError], nothing of the call is written, and the stream goes on. Any other
// error ends it: the client is gone, has not read for [Config.WriteTimeout], or
// [Config.Until] is done.
func (s *Stream) Send(events ...Event) error {
	// Large data is copied too. net/http would send a string in pieces of 2 KB and take
	// twice the time.
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

// SendJSON writes an unnamed event with v as JSON, and flushes. If v cannot be encoded,
// nothing is written and the stream goes on. <, > and & are not escaped.
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

// Flush sends the header unless it was sent already: it opens the stream. Send and
// SendJSON need no Flush after them.
func (s *Stream) Flush() error { return s.conn.Send(nil) }
