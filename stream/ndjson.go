package stream

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/internal/problem"
)

// Lines is a response of JSON values, one per line, open until the handler returns. Its
// methods are safe for concurrent use; none may be called after the handler has returned.
type Lines struct {
	conn    flush.Conn
	onError problem.ErrorHook
	logger  *slog.Logger
}

// NDJSON begins a stream of JSON lines (Content-Type: application/x-ndjson) as the
// response to r, for clients that read it by fetch or from a program. It begins, waits,
// fails and ends as [SSE] does; with a [Config.Heartbeat], defer [Lines.Close].
//
// The format has no end marker. A reader that has to know whether it has everything needs
// a last line that says so, and that of [Lines.Fail] otherwise.
func NDJSON(w http.ResponseWriter, r *http.Request, cfg Config) (*Lines, error) {
	l := &Lines{onError: cfg.OnError, logger: cfg.Logger}
	beats := cfg.Heartbeat > 0
	if err := l.conn.Prepare(w, r, cfg.flush("application/x-ndjson", beats)); err != nil {
		return nil, l.conn.Refuse(err, cfg.OnError, cfg.Logger)
	}
	if beats {
		l.conn.StartHeartbeat(cfg.Heartbeat, heartbeatSpace)
	}
	return l, nil
}

// heartbeatSpace is whitespace before the next value, which every JSON parser skips. A
// line of its own would be empty, which many do not skip.
var heartbeatSpace = []byte(" ")

// Close stops the heartbeats of [Config.Heartbeat], and makes every later Send fail. It
// sends nothing. Defer it as [Stream.Close].
func (l *Lines) Close() { l.conn.Close(false) }

// Fail ends the stream with err: its last line is {"error": ...}, the member that readers
// of such streams (of Ollama, gRPC-Gateway and others) look for, with the problem details
// (RFC 9457) that would have been the response, and no internal details. If nothing was
// sent yet, [Config.OnError] responds to err.
//
// An error of 500 or more is logged. Return what Fail returns: it is err, marked as
// handled, and a reply.HandlerFunc then ends the stream normally. Any other error that a
// handler returns cuts the stream off.
func (l *Lines) Fail(err error) error {
	defer l.Close()
	if !l.conn.IsOpen() {
		l.Close() // no heartbeat opens the stream after this
	}
	if !l.conn.IsOpen() {
		return l.conn.Refuse(err, l.onError, l.logger)
	}
	line := append([]byte(`{"error":`), problem.Document(err)...)
	if gone := l.conn.Send(append(line, "}\n"...)); gone != nil {
		return gone
	}
	return l.conn.Failed(err, l.logger)
}

// Context is done when the client is gone or [Config.Until] is done.
func (l *Lines) Context() context.Context { return l.conn.Context() }

// Send writes v as one line of JSON and flushes. If v cannot be encoded, nothing is
// written and the stream goes on; any other error ends it. <, > and & are not
// escaped.
func (l *Lines) Send(v any) error {
	buf := flush.Borrow()
	defer buf.Free()
	if err := buf.Encode(v); err != nil {
		return err
	}
	buf.B = append(buf.B, '\n')
	return l.conn.Send(buf.B)
}

// Flush sends the header unless it was sent already.
func (l *Lines) Flush() error { return l.conn.Send(nil) }
