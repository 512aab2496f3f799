package stream

import (
	"context"
	"net/http"
)

// Lines is a response made of JSON values, one to a line, open until the
// handler returns. Its methods are safe for concurrent use; none may be called
// once the handler has returned.
type Lines struct{ conn }

// NDJSON begins a stream of JSON lines (Content-Type: application/x-ndjson) as
// the response to r. It is for clients that read the response by fetch or from
// a program, and otherwise begins, waits, fails and ends as [SSE] does. There
// are no heartbeats: the format has nothing that every reader ignores.
func NDJSON(w http.ResponseWriter, r *http.Request, cfg Config) (*Lines, error) {
	l := new(Lines)
	if err := l.start(w, r, "application/x-ndjson", &cfg); err != nil {
		return nil, l.refuse(err, cfg.OnError, cfg.Logger)
	}
	return l, nil
}

// Context ends when the client is gone or when [Config.Until] is done.
func (l *Lines) Context() context.Context { return l.ctx }

// Send writes v as one line of JSON and flushes. If v cannot be encoded,
// nothing is written and the stream goes on; any other error ends it.
// Characters that matter only in HTML are not escaped.
func (l *Lines) Send(v any) error {
	buf := buffers.Get().(*buffer)
	defer buf.free()
	if err := buf.encode(v); err != nil {
		return err
	}
	buf.b = append(buf.b, '\n')
	return l.send(buf.b)
}

// Flush sends the header if nothing was sent yet.
func (l *Lines) Flush() error { return l.send(nil) }
