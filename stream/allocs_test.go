package stream_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// live is the writer of a server, and keeps nothing.
type live struct{ discard }

func (*live) FlushError() error                { return nil }
func (*live) SetReadDeadline(time.Time) error  { return nil }
func (*live) SetWriteDeadline(time.Time) error { return nil }

// TestHandlerAllocs: an event allocates nothing, and a stream little.
func TestHandlerAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("counts are for a build without the race detector")
	}
	send := func(events int) float64 {
		w := &live{discard{header: make(http.Header, 8)}}
		r := get("/")
		h := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
			for range events {
				if err := s.Send(stream.Event{ID: "1", Name: "post", Data: "data"}); err != nil {
					return err
				}
			}
			return nil
		})
		return testing.AllocsPerRun(100, func() {
			clear(w.header)
			h.ServeHTTP(w, r)
		})
	}
	one, many := send(1), send(101)
	t.Logf("%v allocations for a stream of one event, %v for 100 more", one, many-one)
	if one > 5 {
		t.Errorf("a stream of one event takes %v allocations, want 5 at most", one)
	}
	if many-one >= 1 {
		t.Errorf("100 events take %v allocations", many-one)
	}
}
