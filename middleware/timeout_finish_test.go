package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

// TestTimeoutFinishUnderRejection: the bytes held back are sent when the handler has
// returned, and a layer outside that rejects them then has responded.
func TestTimeoutFinishUnderRejection(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		h := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 20, Action: middleware.LimitAbort, Logger: log.Logger()})(
			timed(&log, func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100)) }))
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if body := testkit.Body(t, resp); resp.StatusCode != 500 || body != `{"title":"Internal Server Error","status":500}` {
			t.Errorf("%d %q", resp.StatusCode, body)
		}
		if len(log.Records()) != 1 {
			t.Errorf("%d records", len(log.Records()))
		}
	})
}

// TestTimeoutFinishUnderTimeout: the bytes held back are sent when the handler has
// returned, and a Timeout outside that has expired by then has responded.
func TestTimeoutFinishUnderTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testkit.Log
		w := httptest.NewRecorder()
		within(time.Second, &log, within(time.Minute, &log, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "small")
			late(w, r)
		}).ServeHTTP).ServeHTTP(w, httptest.NewRequest("GET", "/", nil)) // and does not panic
		if w.Code != 504 || w.Body.String() != gatewayTimeout || len(log.Records()) != 1 {
			t.Errorf("%d %q, %d records", w.Code, w.Body, len(log.Records()))
		}
	})
}
