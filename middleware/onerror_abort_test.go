package middleware_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestOnErrorAborts: the connection is dropped, even if a recoverer outside swallows
// the panic, which net/http would turn into an empty 200.
func TestOnErrorAborts(t *testing.T) {
	swallow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			next.ServeHTTP(w, r)
		})
	}
	abort := func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	quiet := slog.New(slog.DiscardHandler)
	for name, h := range map[string]http.Handler{
		"error": reply.Handler(func(http.ResponseWriter, *http.Request) error { return errors.New("fails") }, abort),
		"panic": middleware.New(middleware.Config{OnError: abort, Logger: quiet})(http.HandlerFunc(explode)),
		"limit": middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort, OnError: abort, Logger: quiet})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 20)) })),
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				client, url := tr.Serve(t, swallow(h))
				if status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil))); err == nil {
					t.Errorf("%d %q", status, body)
				}
			})
		})
	}
}
