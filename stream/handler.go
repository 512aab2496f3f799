package stream

import (
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
// Before anything was sent it is answered by [Config.OnError]. A heartbeat opens
// the stream as an event does: what may be refused is best checked first. Once
// the stream is open the response cannot be finished, so the error is logged and
// the connection is aborted: an EventSource reconnects just as it does after an
// orderly end, but whoever reads the stream by fetch can tell half an answer from
// a whole one. Return nil to end the stream in good order. An error that says no
// more than that the context of the stream has ended counts as nil.
//
// A HEAD request gets the header of a stream. fn is not run for it, so it is not
// told of an error that GET would be.
func Handler(cfg Config, fn func(*Stream) error) http.Handler {
	heartbeat := setting.Or(cfg.Heartbeat, 15*time.Second)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := new(Stream)
		err := s.conn.Prepare(w, r, cfg.flush(flush.EventStream))
		switch {
		case err == flush.ErrHead:
			s.conn.SendHeader()
			return
		case err == nil:
			if err = s.conn.Start(); err == nil {
				err = s.run(fn, heartbeat)
			}
		}
		if err != nil {
			httperr.Handle(s.conn.Writer(), r, err, cfg.OnError, cfg.Logger)
		}
	})
}

func (s *Stream) run(fn func(*Stream) error, heartbeat time.Duration) (err error) {
	finished := false
	defer func() { s.conn.Shut(finished && err == nil) }()
	if heartbeat > 0 {
		defer s.conn.Beat(heartbeat, heartbeatLine)()
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

// heartbeatLine is a comment in a block of its own, for parsers that hand on what
// is between blank lines.
var heartbeatLine = []byte(":\n\n")
