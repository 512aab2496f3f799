package hub_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func TestHubReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxHistory: 4})
		start := h.LastEventID()
		first := publish(t, h, "a", "a1")
		publish(t, h, "b", "b2")
		publish(t, h, "secret", "s3")
		publish(t, h, "a", "a4")
		publish(t, h, "b", "b5")
		gap := func(after string) string { return `gap:{"after":"` + after + `"}` }
		epoch, _, _ := strings.Cut(first, "-")
		for _, tt := range []struct {
			lastEventID string
			topics      string
			want        []string
			why         string
		}{
			{"", "a b", nil, "a first connection receives what comes"},
			{first, "a b", []string{"b2", "a4", "b5"}, "one order over all topics, and no other topic"},
			{start, "a b", []string{"a1", "b2", "a4", "b5"}, "from the very beginning"},
			{first, "a", []string{"a4"}, ""},
			{first, "c", nil, "a topic nothing was published to"},
			{epoch + "-5", "a b", nil, "it has everything"},
			{epoch + "-6", "a b", []string{gap(""), "a1", "b2", "a4", "b5"}, "not published yet: not our id"},
			{"other-3", "a b", []string{gap(""), "a1", "b2", "a4", "b5"}, "of another process"},
			{"garbage\"\\", "a", []string{gap(""), "a1", "a4"}, "clients send anything"},
			{epoch + "-99999999999999999999999", "a", []string{gap(""), "a1", "a4"}, "over 64 bits"},
		} {
			s := listen(t, h, hub.Subscription{Topics: strings.Fields(tt.topics), LastEventID: tt.lastEventID})
			synctest.Wait()
			got, id := s.events(t)
			if !slices.Equal(got, tt.want) {
				t.Errorf("Last-Event-ID %q, topics %s: %q, want %q: %s", tt.lastEventID, tt.topics, got, tt.want, tt.why)
			}
			if id == "" {
				t.Errorf("Last-Event-ID %q: the client does not know where it is", tt.lastEventID)
			}
			s.leave()
		}

		// Now the first three of topic a are dropped.
		publish(t, h, "a", "a6 a7 a8 a9 a10")
		for _, tt := range []struct {
			lastEventID string
			topics      string
			want        []string
			why         string
		}{
			{first, "a", []string{gap(first), "a7", "a8", "a9", "a10"}, "a4 and a6 are gone"},
			{first, "a b", []string{gap(first), "b2", "b5", "a7", "a8", "a9", "a10"}, "what is left is sent"},
			{first, "b", []string{"b2", "b5"}, "nothing of b is gone"},
			{epoch + "-6", "a", []string{"a7", "a8", "a9", "a10"}, "it was received before it was dropped"},
		} {
			s := listen(t, h, hub.Subscription{Topics: strings.Fields(tt.topics), LastEventID: tt.lastEventID})
			synctest.Wait()
			if got, _ := s.events(t); !slices.Equal(got, tt.want) {
				t.Errorf("after trimming, Last-Event-ID %q, topics %s: %q, want %q: %s", tt.lastEventID, tt.topics, got, tt.want, tt.why)
			}
			s.leave()
		}
	})
}

func TestOverflow(t *testing.T) {
	key := func(e stream.Event) string { return e.Data[:1] }
	for _, tt := range []struct {
		overflow hub.Overflow
		behind   string // published while it does not read, with room for 6
		want     []string
		err      bool
		why      string
	}{
		{hub.Disconnect, "a1 b1 a2 b2 a3 b3", []string{"x0", "a1", "b1", "a2", "b2", "a3", "b3"}, false, "it is behind, and nothing is lost"},
		{hub.Disconnect, "a1 b1 a2 b2 a3 b3 a4", []string{"x0"}, true, "a1 is lost"},
		{hub.DropOldest, "a1 b1 a2 b2 a3 b3", []string{"x0", "a1", "b1", "a2", "b2", "a3", "b3"}, false, ""},
		{hub.DropOldest, "a1 b1 a2 b2 a3 b3 a4", []string{"x0", "gap", "a3", "b3", "a4"}, false, "it goes on in the middle of what there is"},
		{hub.Coalesce, "a1 b1 a2 b2 c1 a3", []string{"x0", "b2", "c1", "a3"}, false, "the latest of each key, in its place"},
		{hub.Coalesce, "a1 b1 a2 b2 a3 b3 a4", []string{"x0", "gap", "b3", "a4"}, false, "too far behind even so"},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{MaxHistory: 6})
			s := listen(t, h, hub.Subscription{Topics: []string{"t"}, Overflow: tt.overflow, Key: key})
			synctest.Wait()
			s.hold.Lock()
			at := publish(t, h, "t", "x0")
			synctest.Wait()
			publish(t, h, "t", tt.behind)
			s.hold.Unlock()
			synctest.Wait()
			want := slices.Clone(tt.want)
			if i := slices.Index(want, "gap"); i >= 0 {
				want[i] = `gap:{"after":"` + at + `"}`
			}
			s.expect(t, want...)
			select {
			case <-s.done:
				var gone interface{ ClientGone() bool }
				if !tt.err || !errors.As(s.err, &gone) {
					t.Errorf("%v, %s: the stream ended with %v", tt.overflow, tt.behind, s.err)
				}
			default:
				if tt.err {
					t.Errorf("%v, %s: the stream goes on: %s", tt.overflow, tt.behind, tt.why)
				}
			}
		})
	}
}

// The same key in two topics means two different things.
func TestOverflowCoalesceTopics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		start := h.LastEventID()
		for i := range 3 {
			publish(t, h, "price", "go="+strconv.Itoa(i))
			publish(t, h, "position", "go="+strconv.Itoa(i+100))
		}
		s := listen(t, h, hub.Subscription{
			Topics:      []string{"price", "position"},
			Overflow:    hub.Coalesce,
			Key:         func(e stream.Event) string { key, _, _ := strings.Cut(e.Data, "="); return key },
			LastEventID: start,
		})
		synctest.Wait()
		s.expect(t, "go=2", "go=102")
		if n := h.Stats().Coalesced; n != 4 {
			t.Errorf("%d events counted as passed over, want 4", n)
		}
	})
}

func TestHubHistoryBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{HistoryLimit: 100, HistoryAge: time.Minute})
		start := h.LastEventID()
		replay := func() []string {
			s := listen(t, h, hub.Subscription{Topics: []string{"t"}, LastEventID: start})
			synctest.Wait()
			got, _ := s.events(t)
			s.leave()
			if len(got) > 0 && strings.HasPrefix(got[0], "gap:") {
				got[0] = "gap"
			}
			return got
		}
		publish(t, h, "t", "1 2") // 30 bytes each
		if got := replay(); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("%q", got)
		}
		publish(t, h, "t", "3 4")
		if got := replay(); len(got) >= 5 || !slices.Contains(got, "4") || got[0] != "gap" {
			t.Errorf("%q after more than the bytes allow", got)
		}
		big := strings.Repeat("x", 500)
		publish(t, h, "t", big)
		if got := replay(); !slices.Equal(got, []string{"gap", big}) {
			t.Errorf("%.60q, want the latest event whatever its size", got)
		}
		time.Sleep(59 * time.Second)
		publish(t, h, "t", "5")
		time.Sleep(2 * time.Second)
		if got := replay(); !slices.Equal(got, []string{"gap", "5"}) {
			t.Errorf("%.60q, want what is younger than a minute", got)
		}

		// A topic without subscribers is forgotten, and its events count as missing for
		// clients that reconnect.
		time.Sleep(2 * time.Minute)
		publish(t, h, "other", "6")
		if n := h.Stats().Topics; n != 1 {
			t.Errorf("%d topics, want the other alone", n)
		}
		if got := replay(); !slices.Equal(got, []string{"gap"}) {
			t.Errorf("%.60q, want a gap", got)
		}
	})
}
