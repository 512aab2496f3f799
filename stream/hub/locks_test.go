package hub

import (
	"context"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
)

// Whatever there is a lot of, Publish and those who come and go get their turn:
// no lock is held for all of it.
func TestLocksAreShort(t *testing.T) {
	const many = 60_000
	names := make([]string, many)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	h := New(Config{MaxTopics: -1, HistoryAge: time.Hour})
	turns := func(what string, work func()) {
		t.Helper()
		begun, done := make(chan bool), make(chan bool)
		go func() { defer close(done); close(begun); work() }()
		published, joined := 0, 0
		<-begun
		for ended := false; !ended; {
			select {
			case <-done:
				ended = true
			default:
			}
			if _, err := h.Publish(t.Context(), "other", stream.Event{Data: "x"}); err != nil {
				t.Error(err)
			}
			published++
			s := &subscriber{hub: h}
			if err := s.join([]string{"other"}); err != nil {
				t.Error(err)
			}
			s.leave()
			joined++
		}
		if published < 3 || joined < 3 {
			t.Errorf("%s: %d events published and %d subscribers joined meanwhile", what, published, joined)
		}
		t.Logf("%s: %d events published, %d subscribers joined meanwhile", what, published, joined)
	}

	s := &subscriber{hub: h}
	turns("joining", func() {
		if err := s.join(names); err != nil {
			t.Error(err)
		}
	})
	for _, name := range names {
		h.Publish(t.Context(), name, stream.Event{Data: "x"})
	}
	ctx, cancel := context.WithCancel(t.Context())
	turns("replay", func() {
		w := httptest.NewRecorder()
		count := 0
		r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
		sub := Subscription{Topics: names, History: -1, Overflow: Coalesce, Key: func(stream.Event) string {
			if count++; count == many {
				cancel()
			}
			return ""
		}}
		_ = h.Serve(w, r, sub)
	})
	turns("another log", func() {
		for range 50 {
			h.mu.Lock()
			h.restart(Position{newEpoch(), 0})
			h.mu.Unlock()
			h.nudge()
			time.Sleep(time.Millisecond)
		}
	})
	turns("leaving", s.leave)
	for _, name := range names {
		h.Publish(t.Context(), name, stream.Event{Data: "x"})
	}
	if n := h.Stats().Topics; n < many {
		t.Errorf("%d topics", n)
	}
	h.mu.Lock()
	for _, t := range h.order {
		t.ring.at(t.ring.first).at -= 2 * time.Hour // and so they are all too old
	}
	h.mu.Unlock()
	turns("sweeping", h.sweep)
	if n := h.Stats().Topics; n > 1 {
		t.Errorf("%d topics are left", n)
	}
}
