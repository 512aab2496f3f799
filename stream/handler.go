package stream

import (
	"net/http"
	"time"

	"github.com/apiece/apiece/internal/httperr"
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
	heartbeat := number(cfg.Heartbeat, 15*time.Second)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := new(Stream)
		err := s.start(w, r, mimeSSE, &cfg)
		switch {
		case err == errHead:
			s.commit()
			return
		case err == nil:
			err = s.run(fn, heartbeat)
		}
		if err != nil {
			httperr.Handle(s.w, r, err, cfg.OnError, cfg.Logger)
		}
	})
}

func (s *Stream) run(fn func(*Stream) error, heartbeat time.Duration) (err error) {
	finished := false
	defer func() { s.shut(finished && err == nil) }()
	if heartbeat > 0 {
		defer s.beat(heartbeat)()
	}
	err = fn(s)
	finished = true // fn did not panic
	// A stream that was never opened has no end to be in good order: net/http
	// would send an empty answer of another type, on which an EventSource gives
	// up for ever. It comes back from a connection that is dropped.
	if s.over(err) && (s.isOpen() || s.r.Context().Err() == nil) {
		err = nil
	}
	return err
}

func (s *Stream) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

// beat sends heartbeats until stop is called. The timer is not reset by
// traffic: when it fires it looks when the last write was, and sleeps again
// for what is left.
func (s *Stream) beat(every time.Duration) (stop func() bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	var timer *time.Timer
	timer = time.AfterFunc(every, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		left := every - time.Since(s.last)
		if left <= 0 {
			if s.put(heartbeat) != nil {
				return
			}
			left = every
		}
		timer.Reset(left)
	})
	return timer.Stop
}

// heartbeat is a comment in a block of its own, for parsers that hand on what
// is between blank lines.
var heartbeat = []byte(":\n\n")
