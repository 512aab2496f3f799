package stream

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/internal/httperr"
)

// Lines is a response made of JSON values, one to a line, open until the
// handler returns. Its methods are safe for concurrent use; none may be called
// once the handler has returned.
type Lines struct {
	conn    flush.Conn
	onError httperr.Hook
	logger  *slog.Logger
}

// NDJSON begins a stream of JSON lines (Content-Type: application/x-ndjson) as
// the response to r. It is for clients that read the response by fetch or from
// a program, and otherwise begins, waits, fails and ends as [SSE] does, with a
// [Lines.Close] to be deferred if there is a [Config.Heartbeat].
//
// The format has no end of its own. A reader that has to know whether it has
// everything needs a last line that says so, and one of [Lines.Fail] otherwise.
func NDJSON(w http.ResponseWriter, r *http.Request, cfg Config) (*Lines, error) {
	l := &Lines{onError: cfg.OnError, logger: cfg.Logger}
	beats := cfg.Heartbeat > 0
	if err := l.conn.Prepare(w, r, cfg.flush("application/x-ndjson", beats)); err != nil {
		return nil, l.conn.Refuse(err, cfg.OnError, cfg.Logger)
	}
	if beats {
		l.conn.Beat(cfg.Heartbeat, heartbeatSpace)
	}
	return l, nil
}

// heartbeatSpace is whitespace in front of the next value, which every parser of
// JSON skips. A line of its own would be an empty one, which many do not.
var heartbeatSpace = []byte(" ")

// Close ends the heartbeats of [Config.Heartbeat], and makes every later Send fail.
// It sends nothing. It is to be deferred as [Stream.Close] is.
func (l *Lines) Close() { l.conn.Shut(false) }

// Fail ends the stream with err: its last line is {"error": ...}, the member that
// readers of such streams (of Ollama, gRPC-Gateway and others) look for, with the
// problem document (RFC 9457) that would have been the response. Like that, it says
// no more than a client may know. If nothing was sent yet, err is the response, by
// [Config.OnError].
//
// An error of 500 or more leaves a record. Return what Fail returns: it is err, marked
// as dealt with, and a reply.HandlerFunc then lets the stream end in good order.
// Any other error that a handler returns cuts it off.
func (l *Lines) Fail(err error) error {
	defer l.Close()
	if !l.conn.IsOpen() {
		l.Close() // no heartbeat opens it now
	}
	if !l.conn.IsOpen() {
		return l.conn.Refuse(err, l.onError, l.logger)
	}
	line := append([]byte(`{"error":`), httperr.Document(err)...)
	if gone := l.conn.Send(append(line, "}\n"...)); gone != nil {
		return gone
	}
	return l.conn.Failed(err, l.logger)
}

// Context ends when the client is gone or when [Config.Until] is done.
func (l *Lines) Context() context.Context { return l.conn.Context() }

// Send writes v as one line of JSON and flushes. If v cannot be encoded,
// nothing is written and the stream goes on; any other error ends it.
// Characters that matter only in HTML are not escaped.
func (l *Lines) Send(v any) error {
	buf := flush.Borrow()
	defer buf.Free()
	if err := buf.Encode(v); err != nil {
		return err
	}
	buf.B = append(buf.B, '\n')
	return l.conn.Send(buf.B)
}

// Flush sends the header if nothing was sent yet.
func (l *Lines) Flush() error { return l.conn.Send(nil) }
