package reply_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
)

// lateElsewhere returns the error of a call in the context of a request that
// timed out, as singleflight passes it to the waiting requests.
func lateElsewhere(t *testing.T) (err error) {
	limit := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	h := limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		err = context.Cause(r.Context())
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	var timeout *middleware.TimeoutError
	if !errors.As(err, &timeout) {
		t.Fatalf("the context ended with %v", err)
	}
	return err
}

// TestHandlerErrorOfAnotherResponse: an error that reports a response never means this one.
// If a handler returns one and has written nothing, the error is answered, and
// logged if it is the server's.
func TestHandlerErrorOfAnotherResponse(t *testing.T) {
	another := func(call func(http.ResponseWriter, *http.Request) error) reply.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) error { return call(httptest.NewRecorder(), r) }
	}
	channel := func(w http.ResponseWriter, r *http.Request) error { return reply.JSON(w, r, 200, make(chan int)) }
	late := lateElsewhere(t)
	returned := func(err error) reply.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) error { return err }
	}
	tests := []struct {
		name   string
		fn     reply.HandlerFunc
		status int
		logged int
	}{
		{"a TimeoutError", returned(&middleware.TimeoutError{}), 504, 1},
		{"a TimeoutError that is wrapped", returned(fmt.Errorf("x: %w", &middleware.TimeoutError{})), 504, 1},
		{"that of another request", returned(fmt.Errorf("loading: %w", late)), 504, 1},
		{"http.ErrHandlerTimeout", returned(http.ErrHandlerTimeout), 500, 1},
		{"http.ErrHandlerTimeout that is wrapped", returned(fmt.Errorf("job: %w", http.ErrHandlerTimeout)), 500, 1},
		{"context.DeadlineExceeded", returned(context.DeadlineExceeded), 500, 1},
		{"http.ErrHijacked", returned(http.ErrHijacked), 500, 1},
		{"reply.JSON to another writer", another(channel), 500, 1},
		{"the same, wrapped", func(w http.ResponseWriter, r *http.Request) error {
			return fmt.Errorf("rendering: %w", another(channel)(w, r))
		}, 500, 1},
		{"a redirect of another writer", another(func(w http.ResponseWriter, r *http.Request) error {
			return redirect.Code(w, r, 200, "/")
		}), 500, 1},
		{"a policy of another writer", another(func(w http.ResponseWriter, r *http.Request) error {
			return new(redirect.AllowList).To(w, r, "https://evil.test/")
		}), 400, 0},
		{"reply.JSON to this one", channel, 500, 1},
		{"joined", returned(errors.Join(errors.New("x"), &middleware.TimeoutError{}, http.ErrHandlerTimeout)), 504, 1},
	}
	for _, tt := range tests {
		for name, around := range map[string]func(http.Handler) http.Handler{
			"alone":   func(h http.Handler) http.Handler { return h },
			"timeout": middleware.Timeout(time.Minute),
			"all":     middleware.New(middleware.Config{MaxDuration: time.Minute}),
		} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
					var log testkit.Log
					before := slog.Default()
					defer slog.SetDefault(before)
					slog.SetDefault(log.Logger())
					resp := tr.Do(t, around(tt.fn), httptest.NewRequest("GET", "/", nil))
					if body := testkit.Body(t, resp); resp.StatusCode != tt.status || body == "" {
						t.Errorf("%d %q, want %d", resp.StatusCode, body, tt.status)
					}
					if n := len(log.Records()); n != tt.logged {
						t.Errorf("%d records, want %d: %v", n, tt.logged, log.Records())
					}
				})
			})
		}
	}
}
