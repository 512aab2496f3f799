package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware"
)

// TestTimeoutTimerIsReused: requests pass their timer on while it is set for their own
// deadline. The next one must neither wait for the previous deadline nor end by it.
func TestTimeoutTimerIsReused(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, tt := range []struct {
		why            string
		former, latter time.Duration
		after          time.Duration // between the two
	}{
		{"the timer is set for much later", time.Hour, 20 * time.Millisecond, 0},
		{"the timer is set for much earlier", 2 * time.Millisecond, 60 * time.Millisecond, 0},
		{"the timer has fired between the two", 2 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond},
		{"both alike", 20 * time.Millisecond, 20 * time.Millisecond, 5 * time.Millisecond},
	} {
		t.Run(tt.why, func(t *testing.T) {
			serve := func(d time.Duration, h http.Handler) (status int, ended time.Duration) {
				w := httptest.NewRecorder()
				start := time.Now()
				cfg := middleware.TimeoutConfig{Duration: d, Logger: slog.New(slog.DiscardHandler)}
				middleware.TimeoutWith(cfg)(h).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				return w.Code, time.Since(start)
			}
			for range 10 { // whatever the pool returns
				serve(tt.former, nothing)
			}
			time.Sleep(tt.after)
			status, ended := serve(tt.latter, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-r.Context().Done():
				case <-time.After(10 * time.Second):
				}
			}))
			if status != http.StatusGatewayTimeout || ended < tt.latter {
				t.Errorf("status %d after %v, want 504 after %v", status, ended, tt.latter)
			}
		})
	}
}

// TestTimeoutTimersAreCollected: timers that the pool drops are collected, however far away
// their deadlines were.
func TestTimeoutTimersAreCollected(t *testing.T) {
	const at, bursts = 200, 50
	var inside, served sync.WaitGroup
	release := make(chan struct{})
	h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		inside.Done()
		<-release
	}))
	burst := func() {
		release = make(chan struct{})
		inside.Add(at)
		for range at {
			served.Go(func() { h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)) })
		}
		inside.Wait()
		close(release)
		served.Wait()
	}
	live := func() uint64 {
		var m runtime.MemStats
		runtime.GC() // moves the pool to its victim cache,
		runtime.GC() // and drops it
		runtime.ReadMemStats(&m)
		return m.HeapObjects
	}
	burst()
	before := live()
	for range bursts {
		burst()
		runtime.GC()
		runtime.GC()
	}
	if after := live(); after > before+at*bursts/2 {
		t.Errorf("%d objects are left of %d requests", after-before, at*bursts)
	}
}
