package middleware_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// TestTimeoutCloseNotify: gin's Context.Stream checks nothing else, and would
// write to a cut response forever.
func TestTimeoutCloseNotify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testkit.Log
		h := within(time.Second, &log, func(w http.ResponseWriter, r *http.Request) {
			//lint:ignore SA1019 gin asserts it
			gone := w.(http.CloseNotifier).CloseNotify()
			for range 100 {
				select {
				case <-gone:
					return
				case <-time.After(100 * time.Millisecond):
					io.WriteString(w, "x")
					w.(http.Flusher).Flush()
				}
			}
			t.Error("the handler was not told")
		})
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("recovered %v", v)
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	})
}
