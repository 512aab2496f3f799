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

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser/bind"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/redirect"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// A failing form is one of the ways to fail with a response of 500 or above that the
// pages show.
type failingForm struct {
	name string
	h    http.Handler
}

// failingForms returns all of them, including calls whose error is returned, wrapped or
// dropped.
func failingForms() (forms []failingForm) {
	h := hub.New(hub.Config{})
	blind := testkit.Foreign()["bare"]
	for name, call := range map[string]reply.HandlerFunc{
		"reply.JSON of a channel": func(w http.ResponseWriter, r *http.Request) error {
			return reply.JSON(w, r, 200, make(chan int))
		},
		"reply.Send of an error":            func(w http.ResponseWriter, r *http.Request) error { return reply.Send(w, r, 200, io.EOF) },
		"reply.Send with a status of 99":    func(w http.ResponseWriter, r *http.Request) error { return reply.Send(w, r, 99, "x") },
		"redirect.Code with 200":            func(w http.ResponseWriter, r *http.Request) error { return redirect.Code(w, r, 200, "/") },
		"redirect.To with a line break":     func(w http.ResponseWriter, r *http.Request) error { return redirect.To(w, r, "/\r\nX: y") },
		"redirect.Local to a bad fallback":  func(w http.ResponseWriter, r *http.Request) error { return redirect.Local(w, r, "/", "//evil") },
		"Hub.Serve without topics":          func(w http.ResponseWriter, r *http.Request) error { return h.Serve(w, r, hub.Subscription{}) },
		"an error":                          func(http.ResponseWriter, *http.Request) error { return errors.New("broken") },
		"an error with a status":            func(http.ResponseWriter, *http.Request) error { return reply.NewError(503, "later") },
		"a TimeoutError of another request": func(http.ResponseWriter, *http.Request) error { return &middleware.TimeoutError{} },
		"http.ErrHandlerTimeout of another": func(http.ResponseWriter, *http.Request) error { return http.ErrHandlerTimeout },
	} {
		forms = append(forms,
			failingForm{name + ", returned", call},
			failingForm{name + ", wrapped", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				return fmt.Errorf("saving: %w", call(w, r))
			})})
		if !strings.HasPrefix(name, "a") && !strings.HasPrefix(name, "http") {
			forms = append(forms, failingForm{name + ", dropped", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = call(w, r) })})
		}
	}
	for name, call := range map[string]reply.HandlerFunc{
		"Hub.Serve": func(w http.ResponseWriter, r *http.Request) error {
			return h.Serve(w, r, hub.Subscription{Topics: []string{"news"}})
		},
		"stream.SSE": func(w http.ResponseWriter, r *http.Request) error {
			_, err := stream.SSE(w, r, stream.Config{})
			return err
		},
		"stream.NDJSON": func(w http.ResponseWriter, r *http.Request) error {
			_, err := stream.NDJSON(w, r, stream.Config{})
			return err
		},
	} {
		forms = append(forms,
			failingForm{name + " that cannot flush, returned", blind(call)},
			failingForm{name + " that cannot flush, wrapped", blind(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				return fmt.Errorf("listening: %w", call(w, r))
			}))},
			failingForm{name + " that cannot flush, dropped", blind(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = call(w, r) }))})
	}
	return append(forms,
		failingForm{"stream.Handler", stream.Handler(stream.Config{}, func(*stream.Stream) error { return errors.New("no model") })},
		failingForm{"stream.Handler that cannot flush", blind(stream.Handler(stream.Config{}, func(*stream.Stream) error { return nil }))},
		failingForm{"bind.Func", bind.Func(func(*http.Request, struct{}) (string, error) { return "", errors.New("broken") })},
		failingForm{"ResponseLimit", refusing(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 100)) }))},
		failingForm{"ResponseLimit, and the error of the write", refusing(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			return reply.Send(w, r, 200, make([]byte, 100))
		}))},
	)
}

var refusing = middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort})

// TestFailureLeavesOneRecord: a response of 500 or above leaves one record, however the
// handler fails and whatever layers are outside.
func TestFailureLeavesOneRecord(t *testing.T) {
	around := map[string]alice.Chain{
		"alone":   alice.New(),
		"recover": alice.New(middleware.Recover(nil)),
		"timeout": alice.New(middleware.Timeout(time.Minute)),
		"all":     middleware.Chain(middleware.Config{MaxDuration: time.Minute, WarnUnresolved: true}),
		"twice": alice.New(middleware.Recover(nil), middleware.Timeout(time.Minute), testkit.Foreign()["unwrapping"]).
			Extend(middleware.Chain(middleware.Config{MaxDuration: time.Minute})),
		"OnError": middleware.Chain(middleware.Config{OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, "sorry", http.StatusInternalServerError)
		}}),
	}
	forms := append(failingForms(), failingForm{"a panic", http.HandlerFunc(explode)})
	for name, chain := range around {
		for _, form := range forms {
			if form.name == "a panic" && (name == "alone" || name == "timeout") {
				continue // net/http logs it
			}
			t.Run(name+"/"+form.name, func(t *testing.T) {
				testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
					log := defaultLog(t)
					resp := tr.Do(t, chain.Then(form.h), httptest.NewRequest("GET", "/", nil))
					if body := testkit.Body(t, resp); resp.StatusCode < 500 || body == "" {
						t.Errorf("%d %q", resp.StatusCode, body)
					}
					records := log.Records()
					if len(records) != 1 || records[0].Level != slog.LevelError || testkit.Attr(records[0], "error") == "" {
						t.Errorf("%d records: %v", len(records), records)
					}
				})
			})
		}
	}
}

// defaultLog replaces slog.Default with a log until the test ends.
func defaultLog(t *testing.T) *testkit.Log {
	log, before := new(testkit.Log), slog.Default()
	slog.SetDefault(log.Logger())
	t.Cleanup(func() { slog.SetDefault(before) })
	return log
}

// TestConfigLogger: a Config's Logger gets the records of everything inside.
func TestConfigLogger(t *testing.T) {
	stray := defaultLog(t)
	for _, form := range append(failingForms(), failingForm{"a panic", http.HandlerFunc(explode)}, failingForm{"late", http.HandlerFunc(late)}) {
		t.Run(form.name, func(t *testing.T) {
			var log testkit.Log
			h := middleware.New(middleware.Config{MaxDuration: short, Logger: log.Logger()})(form.h)
			testkit.Recorder.Do(t, h, httptest.NewRequest("GET", "/", nil))
			if n := len(log.Records()); n != 1 || len(stray.Records()) != 0 {
				t.Errorf("%d records, and %v in the default log", n, stray.Records())
			}
		})
	}
}
