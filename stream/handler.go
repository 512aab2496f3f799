package stream

import (
	"errors"
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/flush"
	"github.com/apiece/apiece/internal/httperr"
	"github.com/apiece/apiece/internal/setting"
)

// Handler returns a handler that begins an event stream and runs fn. What SSE
// leaves to its caller is done here: heartbeats are sent while fn is silent,
// and the error that fn returns is dealt with.
//
// Before anything was sent it is answered by [Config.OnError], under the limits of
// any other response. [ErrStop] is answered by 204, which tells an EventSource not
// to come back. A heartbeat opens the stream as an event or a Flush does: what may be
// refused is best checked first. Once
// the stream is open the response cannot be finished, so the error is logged and
// the connection is aborted: an EventSource reconnects just as it does after an
// orderly end, but whoever reads the stream by fetch can tell half an answer from
// a whole one. Return nil to end the stream in good order. An error that says no
// more than that the context of the stream has ended counts as nil.
//
// fn does not see the header of the response, which a heartbeat may send at any time.
// A handler or a middleware around this one sets what it is to have, or use [SSE].
//
// A HEAD request gets the header of a stream. fn is not run for it, so it is not
// told of an error that GET would be.
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
			httperr.Handle(s.conn.Writer(), r, err, cfg.OnError, cfg.Logger)
		}
	}
	return &typed{http.HandlerFunc(serve), someEvents}
}

func (s *Stream) run(fn func(*Stream) error, heartbeat time.Duration) (err error) {
	finished := false
	defer func() { s.conn.Shut(finished && err == nil) }()
	if heartbeat > 0 {
		s.conn.Beat(heartbeat, heartbeatLine)
	}
	err = fn(s)
	finished = true // fn did not panic
	// A stream that was never opened has no end to be in good order: net/http
	// would send an empty answer of another type, on which an EventSource gives
	// up for ever. It comes back from a connection that is dropped.
	if s.conn.Over(err) && (s.conn.IsOpen() || s.Request().Context().Err() == nil) {
		err = nil
	}
	return err
}

// heartbeatLine is a comment in front of the next event.
var heartbeatLine = []byte(":\n")

// ErrStop is returned by the function of a [Handler] to tell the client that there
// is nothing more for it, and that it need not come back: if nothing was sent yet,
// the response is 204, on which an EventSource does not reconnect (HTML standard,
// section 9.2.2). An open stream can only be ended, after which the client comes
// back and may be told then. Behind [SSE], answer w.WriteHeader(204) yourself.
var ErrStop = errors.New("stream: nothing more to send")

func stop(w http.ResponseWriter) {
	if h := w.Header(); h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store") // there may be more for others, or later
	}
	w.WriteHeader(http.StatusNoContent)
}
