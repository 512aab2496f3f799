package stream

import (
	"context"
	"net/http"

	"github.com/apiece/apiece/internal/flush"
)

// A Stream is a response made of server-sent events, open until the handler
// returns. Its methods are safe for concurrent use; none may be called once the
// handler has returned.
type Stream struct {
	conn  flush.Conn
	param string // Config.LastEventIDParam
}

// SSE begins an event stream (Content-Type: text/event-stream) as the response
// to r. Nothing is sent before the first event, so until then an error can be
// answered as usual, and the limits of the response hold: the WriteTimeout of the
// http.Server, the deadline of a middleware.Timeout. The first event lifts them. If
// that may take its time, call Flush to open the stream at once, or set
// [Config.Heartbeat]. Cache-Control is "no-cache, no-transform" unless it was set,
// and X-Accel-Buffering: no tells nginx not to buffer. Set what else the header is to
// have before: from here on w is the Stream's, whose heartbeats may send it at any
// time.
//
// With a Heartbeat, defer [Stream.Close].
//
// If no stream can be opened, because nothing below w can flush, SSE answers
// 500, logs why, and returns the error. A HEAD request gets the header, and an
// error that needs no answer.
//
// Read the body of the request first: on HTTP/1 it is gone once the response
// has begun. http.Server.ReadTimeout bounds the reading, and goes on doing so for a
// body that is read while events are sent, which HTTP/2 allows.
func SSE(w http.ResponseWriter, r *http.Request, cfg Config) (*Stream, error) {
	s := &Stream{param: cfg.LastEventIDParam}
	beats := cfg.Heartbeat > 0
	if err := s.conn.Prepare(w, r, cfg.flush(flush.EventStream, beats)); err != nil {
		return nil, s.conn.Refuse(err, cfg.OnError, cfg.Logger)
	}
	if beats {
		s.conn.Beat(cfg.Heartbeat, heartbeatLine)
	}
	return s, nil
}

// Close ends the heartbeats of a Stream that [SSE] has begun with a
// [Config.Heartbeat], and makes every later Send fail. It sends nothing, and leaves
// the response to the handler if none was begun. Without it a heartbeat could end
// up in the next response on the connection: defer it at once. For a Stream of
// [Handler] there is nothing to close.
func (s *Stream) Close() { s.conn.Shut(false) }

// Context ends when the client is gone or when [Config.Until] is done. Pass it
// to whatever produces the events.
func (s *Stream) Context() context.Context { return s.conn.Context() }

// Request returns the request that the stream answers.
func (s *Stream) Request() *http.Request { return s.conn.Request() }

// LastEventID returns the id of the last event that the client has received,
// which it sends when it reconnects; "" on a first connection. A browser sends it
// as the Last-Event-ID header, a polyfill in the query, see
// [Config.LastEventIDParam]. The client may send anything, but an id is one that
// [Event] takes: with a line break or NUL in it, it is none.
func (s *Stream) LastEventID() string { return flush.LastEventID(s.Request(), s.param) }

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
