package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/middleware"
)

// hijackable is a recorder whose connection can be hijacked.
type hijackable struct{ *httptest.ResponseRecorder }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, other := net.Pipe()
	return conn, bufio.NewReadWriter(bufio.NewReader(conn), bufio.NewWriter(conn)), other.Close()
}

// TestTimeoutDerivedContextsEnd: package context sets no timer for a deadline later
// than the parent's, so a parent with a false Deadline makes a context that never ends.
func TestTimeoutDerivedContextsEnd(t *testing.T) {
	tests := map[string]struct {
		mode   middleware.TimeoutMode
		before func(http.ResponseWriter, *http.Request) error
	}{
		"hijacked": {middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) error {
			_, _, err := w.(http.Hijacker).Hijack()
			return err
		}},
		"lifted": {middleware.TimeoutTotal, func(w http.ResponseWriter, r *http.Request) error { return middleware.Extend(r, -1) }},
		"first byte": {middleware.TimeoutFirstByte, func(w http.ResponseWriter, r *http.Request) error {
			_, err := io.WriteString(w, "x")
			return err
		}},
		"idle": {middleware.TimeoutIdle, func(w http.ResponseWriter, r *http.Request) error { return nil }},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Minute, Mode: tt.mode})(
					http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if err := tt.before(w, r); err != nil {
							t.Fatal(err)
						}
						start := time.Now()
						ctx, cancel := context.WithTimeout(r.Context(), 2*time.Minute)
						defer cancel()
						for ctx.Err() == nil && time.Since(start) < time.Hour {
							time.Sleep(30 * time.Second)
							io.WriteString(w, "x")
						}
						if took := time.Since(start); took > 3*time.Minute || !errors.Is(ctx.Err(), context.DeadlineExceeded) {
							t.Errorf("%v after %v", ctx.Err(), took)
						}
					}))
				h.ServeHTTP(hijackable{httptest.NewRecorder()}, httptest.NewRequest("GET", "/", nil))
			})
		})
	}
}

// TestExtendLongestDuration: the longest duration does not overflow.
func TestExtendLongestDuration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := middleware.Timeout(time.Hour)(middleware.Timeout(time.Minute)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if err := middleware.Extend(r, math.MaxInt64); err != nil {
				t.Error(err)
			}
			if at, ok := r.Context().Deadline(); ok && time.Until(at) < 100*365*24*time.Hour {
				t.Errorf("the deadline is %v from now", time.Until(at))
			}
			time.Sleep(2 * time.Hour)
			if err := r.Context().Err(); err != nil {
				t.Error(err)
			}
		})))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	})
}
