package stream

import (
	"errors"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/internal/problem"
	"github.com/apiece/apiece/internal/setting"
)

// Handler returns a handler that begins an event stream and runs fn. Unlike SSE, it sends
// heartbeats while fn is silent, and handles the error that fn returns.
//
// Before anything was sent, [Config.OnError] responds to the error, under the limits of
// any other response. [ErrStop] becomes 204, which tells an EventSource not to reconnect.
// A heartbeat opens the stream as an event or a Flush does: check first what may be
// refused. The response of an open stream cannot report an error, so the error is logged
// and the connection is aborted: an EventSource reconnects as it does after a normal end,
// but a client that uses fetch can tell a truncated response from a whole one. Return nil
// to end the stream normally. An error that only says that the context of the stream has
// ended counts as nil.
//
// fn has no access to the response header, which a heartbeat may send at any time. Set it
// in a handler or a middleware around this one, or use [SSE].
//
// A HEAD request gets the header of a stream. fn does not run for it, so it does not get
// the error that GET would.
func Handler(cfg Config, fn func(*Stream) error) http.Handler {
	heartbeat := setting.Or(cfg.Heartbeat, 15*time.Second)
	serve := func(w http.ResponseWriter, r *http.Request) {
		s := &Stream{param: cfg.LastEventIDParam}
		err := s.conn.Prepare(w, r, cfg.flush(flush.EventStream, true))
		switch {
		case err == flush.ErrHead:
			s.conn.SendHeader()
			return
		case err == nil:
			err = s.run(fn, heartbeat)
		}
		switch {
		case errors.Is(err, ErrStop):
			if !s.conn.IsOpen() {
				stop(s.conn.Writer())
			}
		case err != nil:
			problem.Handle(s.conn.Writer(), r, err, cfg.OnError, cfg.Logger)
		}
	}
	return &typed{http.HandlerFunc(serve), someEvents}
}

func (s *Stream) run(fn func(*Stream) error, heartbeat time.Duration) (err error) {
	finished := false
	defer func() { s.conn.Close(finished && err == nil) }()
	if heartbeat > 0 {
		s.conn.StartHeartbeat(heartbeat, heartbeatLine)
	}
	err = fn(s)
	finished = true // fn did not panic
	// A stream that was never opened cannot end normally: net/http would send an empty
	// response of another type, on which an EventSource gives up for good. It reconnects
	// after a dropped connection.
	if s.conn.EndedByContext(err) && (s.conn.IsOpen() || s.Request().Context().Err() == nil) {
		err = nil
	}
	return err
}

// heartbeatLine is a comment before the next event.
var heartbeatLine = []byte(":\n")

func stop(w http.ResponseWriter) {
	if h := w.Header(); h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store") // there may be more for other clients, or later
	}
	w.WriteHeader(http.StatusNoContent)
}
