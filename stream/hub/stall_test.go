package hub_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// slow is a client whose flushes take time.
type slow struct {
	discard
	flush func(written string)
	text  strings.Builder
}

func (s *slow) Write(p []byte) (int, error) { return s.text.Write(p) }

func (s *slow) Flush() {
	written := s.text.String()
	s.text.Reset()
	s.flush(written)
}

// A client that is slow once receives few gap events, and then more data; a quiet topic
// reaches it beside the busy one.
func TestOverflowOneStall(t *testing.T) {
	for _, overflow := range []hub.Overflow{hub.DropOldest, hub.Coalesce} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			var publisher sync.WaitGroup
			defer publisher.Wait()
			publisher.Go(func() {
				for i := 0; ctx.Err() == nil; i++ { // 2,000 per second
					publish(t, h, "busy", "p p")
					if i%100 == 0 {
						publish(t, h, "quiet", "q")
					}
					time.Sleep(time.Millisecond)
				}
			})
			stalled, gaps, after, quiet := false, 0, 0, 0
			client := &slow{flush: func(written string) {
				gaps += strings.Count(written, "event: gap")
				if stalled {
					after += strings.Count(written, "data: p")
					quiet += strings.Count(written, "data: q")
				} else if h.Stats().Published > 200 {
					stalled = true
					time.Sleep(1200 * time.Millisecond)
				}
				time.Sleep(5 * time.Millisecond)
			}}
			sub := hub.Subscription{Topics: []string{"busy", "quiet"}, Overflow: overflow, Key: func(stream.Event) string { return "" }}
			if err := h.Serve(client, httptest.NewRequestWithContext(ctx, "GET", "/", nil), sub); err != nil {
				t.Error(err)
			}
			// It is connected for 3.6 s after the stall, in which 7,200 are published.
			if gaps != 1 || after < 5000 || quiet < 35 {
				t.Errorf("%v: %d gaps, %d events of the busy and %d of the quiet topic after the stall", overflow, gaps, after, quiet)
			}
		})
	}
}

// A client at half the speed of the publisher receives one gap event per half of a
// history.
func TestOverflowAlwaysSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxHistory: 1000})
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		var publisher sync.WaitGroup
		defer publisher.Wait()
		publisher.Go(func() {
			for ctx.Err() == nil {
				for range 128 {
					publish(t, h, "t", "p")
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		gaps, data := 0, 0
		client := &slow{flush: func(written string) {
			gaps += strings.Count(written, "event: gap")
			data += strings.Count(written, "data: p")
			time.Sleep(10 * time.Millisecond)
		}}
		if err := h.Serve(client, httptest.NewRequestWithContext(ctx, "GET", "/", nil), hub.Subscription{Topics: []string{"t"}, Overflow: hub.DropOldest}); err != nil {
			t.Error(err)
		}
		published := int(h.Stats().Published)
		if gaps == 0 || gaps > published/500 || data < published/3 {
			t.Errorf("%d gaps and %d events of %d", gaps, data, published)
		}
	})
}

// The latest value of each key is delivered, even that of the busiest.
func TestOverflowCoalesceHottestKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var publisher sync.WaitGroup
		defer publisher.Wait()
		publisher.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				publish(t, h, "t", fmt.Sprint("cold", i%150, " hot"))
				time.Sleep(time.Millisecond)
			}
		})
		hot := 0
		client := &slow{flush: func(written string) {
			hot += strings.Count(written, "data: hot")
			time.Sleep(60 * time.Millisecond)
		}}
		sub := hub.Subscription{Topics: []string{"t"}, Overflow: hub.Coalesce, Key: func(e stream.Event) string { return e.Data }}
		if err := h.Serve(client, httptest.NewRequestWithContext(ctx, "GET", "/", nil), sub); err != nil {
			t.Error(err)
		}
		// A pass is 151 events at most: three flushes.
		if hot < 40 {
			t.Errorf("the hottest key is delivered %d times in 10 s", hot)
		}
	})
}

// A client that is disconnected for being slow has received something before.
func TestOverflowDisconnectMakesProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxHistory: 100})
		old := publish(t, h, "t", "first")
		for connection := range 20 {
			for range 300 {
				publish(t, h, "t", "p")
			}
			data := 0
			client := &slow{flush: func(written string) {
				data += strings.Count(written, "data: p")
				for range 200 { // more than the history, for each write
					publish(t, h, "t", "p")
				}
			}}
			err := h.Serve(client, httptest.NewRequest("GET", "/", nil), hub.Subscription{Topics: []string{"t"}, LastEventID: old})
			if err == nil || data < 64 {
				t.Fatalf("connection %d: %d events, then %v", connection, data, err)
			}
		}
	})
}

// until counts events and ends the request after n of them.
type until struct {
	discard
	events, most int
	stop         context.CancelFunc
}

func (u *until) Write(p []byte) (int, error) {
	if u.events += strings.Count(string(p), "data: "); u.events >= u.most {
		u.stop()
	}
	return len(p), nil
}

// replay has a reconnecting client receive all events there are.
func replay(t testing.TB, topics, each int, overflow hub.Overflow) {
	h := hub.New(hub.Config{MaxHistory: each})
	names := make([]string, topics)
	start := h.LastEventID()
	for j := range each {
		for i := range names {
			names[i] = strconv.Itoa(i)
			h.Publish(t.Context(), names[i], stream.Event{Data: strconv.Itoa(j)})
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	u := &until{most: topics * each, stop: cancel}
	begin := time.Now()
	sub := hub.Subscription{Topics: names, LastEventID: start, Overflow: overflow, Key: func(e stream.Event) string { return e.Data }}
	if err := h.Serve(u, httptest.NewRequestWithContext(ctx, "GET", "/", nil), sub); err != nil {
		t.Error(err)
	}
	if u.events != topics*each {
		t.Errorf("%d of %d events", u.events, topics*each)
	}
	t.Logf("%d topics with %d events each, %v: %v", topics, each, overflow, time.Since(begin))
}

func TestReplayMergesTopics(t *testing.T) {
	replay(t, 1, 1000, hub.DropOldest)
	replay(t, 1000, 100, hub.Disconnect)
	replay(t, 60, 1000, hub.Coalesce)
}

// An id that the hub never gave out replays one history and no more.
func TestReplayUnknownID(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxHistory: 4})
		for i := range 8 {
			publish(t, h, strconv.Itoa(i%4), strconv.Itoa(i))
		}
		s := listen(t, h, hub.Subscription{Topics: []string{"0", "1", "2", "3"}, LastEventID: "x-0"})
		synctest.Wait()
		s.expect(t, `gap:{"after":""}`, "4", "5", "6", "7")
	})
}
