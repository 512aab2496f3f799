package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// Over HTTP/1.0, which nginx uses by default for a service, a body without a length
// ends with the connection. So a cut has to be a reset: after an orderly close a part
// would pass for the whole.

// begin sends a part, and waits until it is on its way.
func begin(w http.ResponseWriter) {
	io.WriteString(w, strings.Repeat("part", 1000))
	_ = http.NewResponseController(w).Flush()
}

// TestHTTP10Cuts: a client can detect an aborted response.
func TestHTTP10Cuts(t *testing.T) {
	tests := map[string]http.Handler{
		"Timeout": middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 20 * time.Millisecond, Logger: discard})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begin(w); late(w, r) })),
		"nested Timeouts": middleware.Timeout(time.Minute)(middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 20 * time.Millisecond, Logger: discard})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begin(w); late(w, r) }))),
		"Timeout, and the handler never returns": middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 20 * time.Millisecond, Logger: discard})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begin(w); late(w, r); time.Sleep(short) })),
		"Recover": middleware.Recover(discard)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begin(w); panic("broken") })),
		"Recover, of an abort": middleware.Recover(discard)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			panic(http.ErrAbortHandler)
		})),
		"ResponseLimit": middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 5000, Action: middleware.LimitAbort, Logger: discard})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begin(w); begin(w) })),
		"an error after a part": middleware.New(middleware.Config{Logger: discard})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			begin(w)
			return errors.New("the database is gone")
		})),
		"a reader that breaks": middleware.New(middleware.Config{Logger: discard})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, io.MultiReader(strings.NewReader(strings.Repeat("part", 2000)), breaking{}))
		})),
		"stream.Handler": stream.Handler(stream.Config{Logger: discard}, func(s *stream.Stream) error {
			if err := s.Send(stream.Event{Data: "part"}); err != nil {
				return err
			}
			return errors.New("the model is gone")
		}),
		"the whole chain": middleware.New(middleware.Config{Logger: discard, MaxDuration: time.Minute})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { begin(w); panic("broken") })),
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			_, base := testkit.HTTP1.Serve(t, unlogged(h))
			status, body, err := get10(strings.TrimPrefix(base, "http://"), "/")
			if err == nil {
				t.Errorf("the client takes %d with %d bytes for whole", status, len(body))
			}
		})
	}
}

type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

// TestHTTP10Complete: a complete response ends in good order.
func TestHTTP10Complete(t *testing.T) {
	limit := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: short, Logger: discard})
	tests := []struct {
		name   string
		h      http.HandlerFunc
		status int
		body   string
	}{
		{"a 504", late, 504, gatewayTimeout},
		{"a small response", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "small") }, 200, "small"},
		{"parts", func(w http.ResponseWriter, r *http.Request) { begin(w); begin(w) }, 200, strings.Repeat("part", 2000)},
		{"a 500", func(w http.ResponseWriter, r *http.Request) { panic("broken") }, 500, `{"title":"Internal Server Error","status":500}`},
		{"whole, and late", func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, 200, "whole")
			late(w, r)
		}, 200, "whole"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, base := testkit.HTTP1.Serve(t, middleware.Recover(discard)(limit(tt.h)))
			status, body, err := get10(strings.TrimPrefix(base, "http://"), "/")
			if status != tt.status || body != tt.body || err != nil {
				t.Errorf("%d %q, %v", status, body, err)
			}
		})
	}
}

// TestHTTP10Informational: HTTP/1.0 has no 1xx (RFC 9110, section 15.2), and would take
// one for the response.
func TestHTTP10Informational(t *testing.T) {
	for name, piece := range map[string]func(http.Handler) http.Handler{
		"recover":       middleware.Recover(discard),
		"unresolved":    middleware.Unresolved(discard),
		"responselimit": middleware.ResponseLimit(0),
		"timeout":       middleware.Timeout(time.Minute),
		"all":           middleware.New(middleware.Config{MaxDuration: time.Minute, WarnUnresolved: true, Logger: discard}),
	} {
		t.Run(name, func(t *testing.T) {
			_, base := testkit.HTTP1.Serve(t, piece(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Link", "</a.css>; rel=preload")
				w.WriteHeader(http.StatusEarlyHints)
				fmt.Fprint(w, "page")
			})))
			status, body, err := get10(strings.TrimPrefix(base, "http://"), "/")
			if status != 200 || body != "page" || err != nil {
				t.Errorf("%d %q, %v", status, body, err)
			}
		})
	}
}
