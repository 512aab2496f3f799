package hub

import (
	"context"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
)

// No lock is held while all topics or subscribers are processed: Publish and clients that
// come and go get their turn.
func TestHubLocksAreShort(t *testing.T) {
	if runtime.GOMAXPROCS(0) == 1 {
		t.Skip("nothing runs meanwhile")
	}
	const many = 100_000
	names := make([]string, many)
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	h := New(Config{MaxTopics: -1, HistoryAge: time.Hour})
	meanwhile := func(what string, work func()) (enough bool) {
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
		t.Logf("%s: %d events published, %d subscribers joined meanwhile", what, published, joined)
		return published >= 3 && joined >= 3
	}
	// Some take a few milliseconds, in which others may not even be scheduled: then
	// repeat it.
	turns := func(what string, before, work func()) {
		t.Helper()
		for range 20 {
			before()
			if meanwhile(what, work) {
				return
			}
		}
		t.Errorf("%s: others have to wait for the end", what)
	}
	nothing := func() {}

	s := &subscriber{hub: h}
	join := func() {
		if err := s.join(names); err != nil {
			t.Error(err)
		}
	}
	leave := func() {
		s.leave()
		s = &subscriber{hub: h}
	}
	turns("joining", leave, join)
	for _, name := range names {
		h.Publish(t.Context(), name, stream.Event{Data: "x"})
	}
	turns("replay", nothing, func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
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
	turns("another log", nothing, func() {
		for range 50 {
			h.mu.Lock()
			h.restart(Position{newEpoch(), 0})
			h.mu.Unlock()
			h.notify()
			time.Sleep(time.Millisecond)
		}
	})
	leave()
	turns("leaving", join, leave)
	turns("sweeping", func() {
		for _, name := range names {
			h.Publish(t.Context(), name, stream.Event{Data: "x"})
		}
		if n := h.Stats().Topics; n < many {
			t.Errorf("%d topics", n)
		}
		h.mu.Lock()
		for _, t := range h.order {
			t.history.at(t.history.first).at -= 2 * time.Hour // now they are all too old
		}
		h.mu.Unlock()
	}, h.sweep)
	if n := h.Stats().Topics; n > 1 {
		t.Errorf("%d topics are left", n)
	}
}
