package middleware_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware"
)

// Requests hand their timer on while it is set for a deadline of their own. The
// next one must neither wait for that of the former nor end by it.
func TestDeadlinesOfFormerRequests(t *testing.T) {
	nothing := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, tt := range []struct {
		why            string
		former, latter time.Duration
		after          time.Duration // between the two
	}{
		{"the timer is set for much later", time.Hour, 20 * time.Millisecond, 0},
		{"the timer is set for much earlier", 2 * time.Millisecond, 60 * time.Millisecond, 0},
		{"the timer has rung for nobody", 2 * time.Millisecond, 20 * time.Millisecond, 10 * time.Millisecond},
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
			for range 10 { // whatever the pool hands out
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
