package reply_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestSendWithinTimeoutAllocs: header fields that layers outside of a Timeout have set, such
// as the request ID, or have disabled, are saved for the timeout response, in one
// allocation.
func TestSendWithinTimeoutAllocs(t *testing.T) {
	if testkit.Race {
		return
	}
	answer := middleware.Timeout(1e12)(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.Send(w, r, 200, reply.Typed{Text: "x"})
	}))
	id := []string{"1"}
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil)
	count := func(fields ...string) float64 {
		return testing.AllocsPerRun(100, func() {
			h := w.Header()
			clear(h)
			for _, name := range fields {
				h[name] = id
			}
			w.Body.Reset()
			answer.ServeHTTP(w, r)
		})
	}
	if with, without := count("X-Request-Id", "Vary", "Strict-Transport-Security"), count(); with > without+1 {
		t.Errorf("%v allocations, %v without: want one more at most", with, without)
	}
}
