package stream

import (
	"context"
	"net/http"

	"github.com/apiece/apiece/internal/flush"
)

// Lines is a response made of JSON values, one to a line, open until the
// handler returns. Its methods are safe for concurrent use; none may be called
// once the handler has returned.
type Lines struct{ conn flush.Conn }

// NDJSON begins a stream of JSON lines (Content-Type: application/x-ndjson) as
// the response to r. It is for clients that read the response by fetch or from
// a program, and otherwise begins, waits, fails and ends as [SSE] does. There
// are no heartbeats: the format has nothing that every reader ignores.
func NDJSON(w http.ResponseWriter, r *http.Request, cfg Config) (*Lines, error) {
	l := new(Lines)
	err := l.conn.Prepare(w, r, cfg.flush("application/x-ndjson"))
	if err == nil {
		err = l.conn.Start()
	}
	if err != nil {
		return nil, l.conn.Refuse(err, cfg.OnError, cfg.Logger)
	}
	return l, nil
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
