package hub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// Publishers publish, clients are cut off all the time and reconnect, some are slow: each
// client received every event of its topics once and in order, or a gap event before what
// follows a hole.
func TestHubStorm(t *testing.T) {
	for _, history := range []int{8, 100_000} {
		t.Run(strconv.Itoa(history), func(t *testing.T) { storm(t, history) })
	}
}

func storm(t *testing.T, history int) {
	h := hub.New(hub.Config{MaxHistory: history, Heartbeat: 5 * time.Millisecond, HistoryAge: -1, MaxAge: 200 * time.Millisecond})
	topics := []string{"a", "b", "c"}
	start := h.LastEventID()
	var last [3]atomic.Int64 // the number of the latest event of each topic
	ctx, stop := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer stop()
	var publishers, clients sync.WaitGroup
	for i := range topics {
		publishers.Go(func() {
			for n := 1; ctx.Err() == nil; n++ {
				if _, err := h.Publish(context.Background(), topics[i], stream.Event{Data: fmt.Sprint(topics[i], n)}); err != nil {
					t.Error(err)
				}
				last[i].Store(int64(n))
				if rand.N(20) == 0 {
					time.Sleep(time.Duration(rand.N(3)) * time.Millisecond)
				}
			}
		})
	}
	ended := make(chan bool)
	for c := range 12 {
		overflow := hub.Overflow(c % 2)
		clients.Go(func() {
			mine := topics[:1+c%3]
			id, got, gap := start, [3]int{}, false
			for over := false; !over; {
				select {
				case <-ended:
					over = true // one more connection, to the end
				default:
				}
				request, cut := context.WithCancel(t.Context())
				left := 1 + rand.N(200)
				client := &slow{}
				client.flush = func(written string) {
					if left < 0 && !over {
						return // the client is gone
					}
					r := stream.NewReader(strings.NewReader(written))
					for e := range r.All() {
						id = e.ID
						if e.Name == hub.GapEvent {
							gap = true
							continue
						}
						i := slices.Index(mine, e.Data[:1])
						n, _ := strconv.Atoi(e.Data[1:])
						if n <= got[i] || n > got[i]+1 && !gap {
							t.Errorf("client %d: %s after %d, told of a gap: %t", c, e.Data, got[i], gap)
						}
						got[i] = n
					}
					if left--; left < 0 && !over {
						cut()
					}
					if rand.N(30) == 0 {
						time.Sleep(time.Duration(rand.N(3)) * time.Millisecond)
					}
				}
				r := httptest.NewRequestWithContext(request, "GET", "/", nil)
				r.Header.Set("Last-Event-ID", id)
				_ = h.Serve(client, r, hub.Subscription{Topics: mine, Overflow: overflow})
				cut()
			}
			for i := range mine {
				if history > 8 && got[i] != int(last[i].Load()) || history > 8 && gap {
					t.Errorf("client %d: the last of %s is %d of %d, told of a gap: %t", c, topics[i], got[i], last[i].Load(), gap)
				}
			}
		})
	}
	publishers.Wait()
	close(ended)
	clients.Wait() // MaxAge ends the last connection of each
	if err := h.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if n := h.Stats().Subscribers; n != 0 {
		t.Errorf("%d subscribers are left", n)
	}
	t.Logf("%+v", h.Stats())
}
