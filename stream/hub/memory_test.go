package hub_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream/hub"
)

// The memory of a subscriber, including its goroutine, besides what net/http needs for a
// connection.
func TestSubscriberMemory(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector needs memory of its own")
	}
	const subscribers, most = 2000, 6000
	h := hub.New(hub.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	clients, requests := make([]discard, subscribers), make([]*http.Request, subscribers)
	for i := range clients {
		clients[i].header = make(http.Header)
		requests[i] = httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	}
	inUse := func() (heap, stack int64) {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc), int64(m.StackInuse)
	}
	heap, stack := inUse()
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() { _ = h.Serve(&clients[i], requests[i], hub.Subscription{Topics: []string{"t"}}) })
	}
	for h.Stats().Subscribers < subscribers {
		time.Sleep(time.Millisecond)
	}
	for i := range 3 {
		publish(t, h, "t", "x")
		for h.Stats().Delivered < uint64(subscribers*i) {
			time.Sleep(time.Millisecond)
		}
	}
	heap2, stack2 := inUse()
	heap, stack = (heap2-heap)/subscribers, (stack2-stack)/subscribers
	if heap+stack > most {
		t.Errorf("%d bytes a subscriber, want %d at most", heap+stack, most)
	}
	t.Logf("%d bytes of heap and %d of stack a subscriber", heap, stack)
	cancel()
	all.Wait()
}
