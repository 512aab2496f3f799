package middleware

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/apiece/apiece/bench/internal/compare"
	"github.com/apiece/apiece/middleware"
)

// aborts reports the outcome of an aborted response inside each recoverer. The plain
// panic, which the kit does not rely on, shows what recoverers do with it.
var aborts = compare.Finding{
	Name: "Abort",
	Text: "32 KB of a response are out, and then it is aborted: what does the client get? A 200 without an error is half an answer that looks whole.",
	Find: func(bool) (compare.Table, error) {
		table := compare.Table{Columns: []string{"aborted by", "recoverer outside", "HTTP/1.1", "HTTP/2"}}
		quiet := slog.New(slog.DiscardHandler)
		var wrong []error
		for _, abort := range []rival{
			kit("ResponseLimit", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 64 << 10, Action: middleware.LimitAbort, Logger: quiet})),
			kit("Timeout", middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 50 * time.Millisecond, Logger: quiet})),
			stdlib("a plain panic", func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					_, _ = w.Write(make([]byte, 32<<10))
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				})
			}),
		} {
			for _, recoverer := range []rival{bare, kit("kit", middleware.Recover(quiet)), chiRecoverer, gorillaRecovery} {
				row := []any{abort.name, recoverer.name}
				for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
					status, err := fetch(recoverer.wrap(abort.wrap(http.HandlerFunc(tooMuch))), protocol, abort.name)
					if err != nil {
						row = append(row, "an error")
						continue
					}
					row = append(row, fmt.Sprintf("a clean %d", status))
					if abort.role == compare.Kit {
						wrong = append(wrong, fmt.Errorf("%s behind %s, %s: a clean %d", abort.name, recoverer.name, protocol, status))
					}
				}
				table.Row(row...)
			}
		}
		return table, errors.Join(wrong...)
	},
}

// tooMuch writes a part, and then too much, or too late.
func tooMuch(w http.ResponseWriter, r *http.Request) {
	_, _ = w.Write(make([]byte, 32<<10))
	_ = http.NewResponseController(w).Flush()
	if r.Header.Get("Abort") == "Timeout" {
		<-r.Context().Done()
	}
	_, _ = w.Write(make([]byte, 64<<10))
}

func fetch(h http.Handler, protocol, abort string) (status int, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
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
		return 0, err
	}
	r.Header.Set("Abort", abort)
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}
