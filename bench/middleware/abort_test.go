package middleware_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/apiece/apiece/middleware"
)

// TestAbort: whoever recovers outside, a response that the kit has aborted does
// not reach the client as a clean 200. The plain panic, which the kit does not
// rely on, is there to show what recoverers make of it.
func TestAbort(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	log.SetOutput(io.Discard)
	recoverers := []rival{
		{"none", bare},
		{"kit", middleware.Recover(quiet)},
		chiRecoverer,
		gorillaRecovery,
	}
	aborts := []rival{
		{"ResponseLimit", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 64 << 10, Action: middleware.LimitAbort, Logger: quiet})},
		{"Timeout", middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 50 * time.Millisecond, Logger: quiet})},
		{"plain panic", func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Write(make([]byte, 32<<10))
				http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
		}},
	}
	// A part goes out, and then too much, or too late.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 32<<10))
		http.NewResponseController(w).Flush()
		if r.Header.Get("Abort") == "Timeout" {
			<-r.Context().Done()
		}
		w.Write(make([]byte, 64<<10))
	})
	for _, abort := range aborts {
		for _, recoverer := range recoverers {
			for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
				t.Run(fmt.Sprintf("%s/%s/%s", abort.name, recoverer.name, protocol), func(t *testing.T) {
					status, n, err := fetch(t, recoverer.wrap(abort.wrap(handler)), protocol, abort.name)
					t.Logf("%d, %d bytes, %v", status, n, err)
					if err == nil && abort.name != "plain panic" {
						t.Errorf("a clean %d with %d bytes", status, n)
					}
				})
			}
		}
	}
}

func fetch(t *testing.T, h http.Handler, protocol, abort string) (status int, n int64, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var protocols http.Protocols
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(protocol == "HTTP/2")
	server := &http.Server{Handler: h, Protocols: &protocols, ErrorLog: log.New(io.Discard, "", 0)}
	go server.Serve(listener)
	defer server.Close()
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	r, err := http.NewRequestWithContext(context.Background(), "GET", "http://"+listener.Addr().String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Abort", abort)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	n, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, n, err
}
