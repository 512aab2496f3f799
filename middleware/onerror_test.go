package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// TestOnErrorInside: handlers and layers inside a chain render errors with its OnError,
// unless they have their own.
func TestOnErrorInside(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(quiet)

	named := func(name string) func(http.ResponseWriter, *http.Request, error) {
		return func(w http.ResponseWriter, r *http.Request, err error) {
			var coded interface{ StatusCode() int }
			status := 500
			if errors.As(err, &coded) {
				status = coded.StatusCode()
			}
			w.WriteHeader(status)
			io.WriteString(w, name)
		}
	}
	type note struct {
		Title string `json:"title" validate:"required"`
	}
	fails := reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return reply.NewError(409, "no") })
	routes, err := pattern.NewHandler(map[string]http.Handler{"/a": fails}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	ownRoutes, err := pattern.NewHandler(map[string]http.Handler{"/": middleware.Recover(quiet)(middleware.Methods{})}, pattern.HandlerConfig{OnError: named("routes")})
	if err != nil {
		t.Fatal(err)
	}
	unencodable := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply.JSON(w, r, 200, func() {}) })
	// A foreign recoverer that responds through this module.
	recovering := func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() {
				if recover() != nil {
					fails.ServeHTTP(w, r)
				}
			}()
			h.ServeHTTP(w, r)
		})
	}
	silent := func(http.ResponseWriter, *http.Request, error) {}

	for _, tt := range []struct {
		why    string
		inside http.Handler
		outer  func(http.ResponseWriter, *http.Request, error)
		want   string
	}{
		{"a handler that fails", fails, named("chain"), "409 chain"},
		{"one with its own", reply.Handler(fails, named("own")), named("chain"), "409 own"},
		{"one within another", reply.Handler(func(w http.ResponseWriter, r *http.Request) error { fails.ServeHTTP(w, r); return nil }, named("own")), named("chain"), "409 own"},
		{"no chain to say", fails, nil, `409 {"title":"Conflict","status":409,"detail":"no"}`},
		{"a function that answers itself", unencodable, named("chain"), "500 chain"},
		{"a redirect that is refused", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { redirect.To(w, r, "/\x00") }), named("chain"), "500 chain"},
		{"typed values", bind.Handler(func(http.ResponseWriter, *http.Request, note) error { return nil }), named("chain"), "422 chain"},
		{"methods", middleware.Methods{}, named("chain"), "405 chain"},
		{"routes", routes, named("chain"), "404 chain"},
		{"methods within routes that have their own", ownRoutes, named("chain"), "405 routes"},
		{"methods within routes, and no chain", ownRoutes, nil, "405 routes"},
		{"a stream", stream.Handler(stream.Config{}, func(*stream.Stream) error { return errors.New("x") }), named("chain"), "500 chain"},
		{"a panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }), named("chain"), "500 chain"},
		{"a panic in a handler with its own", reply.Handler(func(http.ResponseWriter, *http.Request) error { panic("x") }, named("own")), named("chain"), "500 chain"},
		{"a recoverer around one", recovering(reply.Handler(func(http.ResponseWriter, *http.Request) error { panic("x") }, named("own"))), named("chain"), "409 chain"},
		{"a recoverer around typed values", recovering(bind.HandlerWith(bind.Config{OnError: named("own")}, func(http.ResponseWriter, *http.Request, struct{}) error { panic("x") })), named("chain"), "409 chain"},
		{"a deadline", middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Millisecond, Logger: quiet})(
			http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })), named("chain"), "504 chain"},
		{"a limit", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 1, Action: middleware.LimitAbort, Logger: quiet})(
			http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "large") })), named("chain"), "500 chain"},
		{"inside a wrapper that shows what it wraps", testkit.Foreign()["unwrapping"](fails), named("chain"), "409 chain"},
		{"one that says nothing", fails, silent, `500 {"title":"Internal Server Error","status":500}`},
		{"one that fails in its turn", fails, func(w http.ResponseWriter, r *http.Request, _ error) { reply.JSON(w, r, 500, func() {}) },
			`500 {"title":"Internal Server Error","status":500}`},
	} {
		t.Run(tt.why, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				h := middleware.New(middleware.Config{OnError: tt.outer, Logger: quiet, MaxDuration: time.Minute})(tt.inside)
				r := httptest.NewRequest("POST", "/", strings.NewReader(`{}`))
				r.Header.Set("Content-Type", "application/json")
				resp := tr.Do(t, h, r)
				if got := fmt.Sprint(resp.StatusCode, " ", testkit.Body(t, resp)); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		})
	}
}
