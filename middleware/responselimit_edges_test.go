package middleware_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestResponseLimitRejectionStands: after a limit has responded with 500, that response
// stays, and nothing else is logged, wherever a Timeout is.
func TestResponseLimitRejectionStands(t *testing.T) {
	body := make([]byte, 3000) // more than a Timeout holds back
	handlers := map[string]http.Handler{
		"panics": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := w.Write(body); err != nil {
				panic(err)
			}
		}),
		"is late": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Write(body)
			late(w, r)
		}),
		"returns the error": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			_, err := w.Write(body)
			return err
		}),
		"does not know yet": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(body[:20]) }),
	}
	say := func(log *testkit.Log) alice.Constructor {
		return middleware.New(middleware.Config{Logger: log.Logger()})
	}
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort})
	timeout := middleware.Timeout(short)
	recoverer := middleware.Recover(slog.New(slog.DiscardHandler))
	for name, handler := range handlers {
		for order, around := range map[string]func(log *testkit.Log) alice.Chain{
			"limit inside":  func(log *testkit.Log) alice.Chain { return alice.New(say(log), recoverer, timeout, limit) },
			"limit outside": func(log *testkit.Log) alice.Chain { return alice.New(say(log), recoverer, limit, timeout) },
			"between":       func(log *testkit.Log) alice.Chain { return alice.New(say(log), recoverer, timeout, limit, timeout) },
		} {
			t.Run(name+", "+order, func(t *testing.T) {
				testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
					var log testkit.Log
					client, url := tr.Serve(t, around(&log).Then(handler))
					status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
					if err != nil || status != 500 || body != `{"title":"Internal Server Error","status":500}` {
						t.Errorf("%d %q %v", status, body, err)
					}
					if got := log.Records(); len(got) != 1 {
						t.Errorf("%d records for one 500: %v", len(got), got)
					}
				})
			})
		}
	}
}

// TestResponseLimitOnErrorRequest: layers outside of the limit have added values to the
// request that the hook needs.
func TestResponseLimitOnErrorRequest(t *testing.T) {
	type id struct{}
	var seen any
	var pattern string
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
		Limit: 10, Action: middleware.LimitAbort, Logger: slog.New(slog.DiscardHandler),
		OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			seen, pattern = r.Context().Value(id{}), r.Pattern
			w.WriteHeader(http.StatusInternalServerError)
		},
	})
	mux := http.NewServeMux()
	mux.Handle("GET /big", limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 20)) })))
	h := middleware.Recover(nil)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), id{}, 7)))
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/big", nil))
	if seen != 7 || pattern != "GET /big" {
		t.Errorf("the hook sees id %v and pattern %q", seen, pattern)
	}
}

// TestRecoverInvalidStatus: net/http panics on a status it cannot send, and a Recover
// handles that like any panic: nothing was sent.
func TestRecoverInvalidStatus(t *testing.T) {
	for _, status := range []int{0, 42, 1000} {
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			h := middleware.Recover(slog.New(slog.DiscardHandler))(middleware.Timeout(time.Hour)(
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(status) })))
			if resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil)); resp.StatusCode != 500 {
				t.Errorf("WriteHeader(%d): %s", status, resp.Status)
			}
		})
	}
}

// TestReadFromEmptyCommitsNothing: net/http sends nothing for an empty copy, so later
// calls of the handler count.
func TestReadFromEmptyCommitsNothing(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		h := middleware.New(middleware.Config{MaxDuration: time.Hour})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(w, io.LimitReader(strings.NewReader(""), 10))
			w.Header().Set("X-Reason", "empty")
			w.WriteHeader(http.StatusNotFound)
		}))
		if resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil)); resp.StatusCode != 404 || resp.Header.Get("X-Reason") == "" {
			t.Errorf("%s %v", resp.Status, resp.Header)
		}
	})
}

// TestResponseLimitOnErrorPanics: a hook that panics has not responded, and its partial
// output is undefined. An empty 200 would be the worst result.
func TestResponseLimitOnErrorPanics(t *testing.T) {
	for name, hook := range map[string]func(http.ResponseWriter, *http.Request, error){
		"at once":  func(http.ResponseWriter, *http.Request, error) { panic("hook") },
		"mid-page": func(w http.ResponseWriter, r *http.Request, err error) { io.WriteString(w, "part"); panic("hook") },
	} {
		for _, method := range []string{"GET", "HEAD"} {
			t.Run(name+" "+method, func(t *testing.T) {
				testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
					var log testkit.Log
					h := middleware.Recover(log.Logger())(
						middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort, Logger: log.Logger(), OnError: hook})(
							http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
								w.Header().Set("Content-Length", "20")
								w.Write(make([]byte, 20))
							})))
					client, url := tr.Serve(t, h)
					status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest(method, "/", nil)))
					if err == nil && status < 500 {
						t.Errorf("%d %q is taken for an answer", status, body)
					}
					if got := len(log.Records()); got != 1 {
						t.Errorf("%d records, want one of the panic: %v", got, log.Records())
					}
				})
			})
		}
	}
}
