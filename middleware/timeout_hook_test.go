package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

// TestTimeoutHookAborts: a hook that drops the response drops the connection,
// at once, even if the handler keeps running.
func TestTimeoutHookAborts(t *testing.T) {
	for name, hook := range map[string]func(http.ResponseWriter, *http.Request, error){
		"aborts": func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
		"exits":  func(http.ResponseWriter, *http.Request, error) { runtime.Goexit() },
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				goOn := make(chan struct{})
				defer close(goOn)
				client, url := tr.Serve(t, middleware.TimeoutWith(middleware.TimeoutConfig{
					Duration: time.Millisecond, OnError: hook, Logger: log.Logger(),
				})(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-goOn })))
				if status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil))); err == nil {
					t.Errorf("%d %q", status, body)
				}
				eventually(t, "one record", func() bool { return len(log.Records()) == 1 })
			})
		})
	}
}
