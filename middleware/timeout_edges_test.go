package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestTimeoutSurvivesPanics: the response is written on the goroutine of a timer, where
// any panic would end the process.
func TestTimeoutSurvivesPanics(t *testing.T) {
	panicking := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(panicWriter{w}, r) })
	}
	tests := map[string]struct {
		config middleware.TimeoutConfig
		outer  func(http.Handler) http.Handler
	}{
		"status of the hook": {middleware.TimeoutConfig{OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			w.WriteHeader(40401)
		}}, testkit.Foreign()["none"]},
		"writer outside": {middleware.TimeoutConfig{}, panicking},
		"logger":         {middleware.TimeoutConfig{Logger: slog.New(panicLogger{})}, testkit.Foreign()["none"]},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				tt.config.Duration = time.Millisecond
				if tt.config.Logger == nil {
					tt.config.Logger = slog.New(slog.DiscardHandler)
				}
				client, url := tr.Serve(t, tt.outer(middleware.TimeoutWith(tt.config)(http.HandlerFunc(late))))
				status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
				if err == nil && (status != 504 || body != gatewayTimeout) {
					t.Errorf("%d %q", status, body)
				}
			})
		})
	}
}

type panicWriter struct{ http.ResponseWriter }

func (panicWriter) Write([]byte) (int, error) { panic(http.ErrAbortHandler) }

type panicLogger struct{ slog.Handler }

func (panicLogger) Enabled(context.Context, slog.Level) bool  { return true }
func (panicLogger) Handle(context.Context, slog.Record) error { panic("logger") }
func (l panicLogger) WithAttrs([]slog.Attr) slog.Handler      { return l }

// TestTimeoutLeavesTheConnection: a handler that has responded and works past the
// deadline does not affect the next request.
func TestTimeoutLeavesTheConnection(t *testing.T) {
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		mux := http.NewServeMux()
		mux.Handle("/whole", timed(&log, func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, http.StatusOK, "whole")
			late(w, r)
		}))
		mux.HandleFunc("/next", func(w http.ResponseWriter, r *http.Request) {
			if err := r.Context().Err(); err != nil {
				t.Errorf("the next request begins with %v", err)
			}
			io.WriteString(w, "next")
		})
		client, url := tr.Serve(t, mux)
		for _, want := range []string{"whole", "next"} {
			r, _ := http.NewRequest("GET", url+"/"+want, nil)
			if _, _, body, err := fetch(client, r); err != nil || body != want {
				t.Errorf("%q %v, want %q", body, err, want)
			}
		}
		if len(log.Records()) != 0 {
			t.Errorf("an answer in time was logged: %v", log.Records())
		}
	})
}

// TestTimeoutPanicAfterCompleteResponse: the client has the whole response, and a later
// panic of the handler is still logged.
func TestTimeoutPanicAfterCompleteResponse(t *testing.T) {
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		h := middleware.Recover(log.Logger())(timed(&log, func(w http.ResponseWriter, r *http.Request) {
			reply.Send(w, r, http.StatusOK, "whole")
			late(w, r)
			explode(w, r)
		}))
		if resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil)); testkit.Body(t, resp) != "whole" {
			t.Errorf("status %d", resp.StatusCode)
		}
		time.Sleep(2 * short)
		if records := log.Records(); len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "stack"), "middleware_test.explode") {
			t.Errorf("%v, want one record, of the panic", records)
		}
	})
}

// TestTimeoutCutsAtOnce: a client that has a part need not wait for a handler that
// ignores its context.
func TestTimeoutCutsAtOnce(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	limit := func(d time.Duration) func(http.Handler) http.Handler {
		return middleware.TimeoutWith(middleware.TimeoutConfig{Duration: d, Logger: quiet})
	}
	naive := func(h http.Handler) http.Handler { // a Hijack that fails
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(hijacker{w}, r) })
	}
	for why, outside := range map[string]alice.Chain{
		"alone":                 alice.New(limit(short)),
		"inside other pieces":   alice.New(middleware.Recover(quiet), middleware.ResponseLimit(0), limit(short)),
		"within another":        alice.New(limit(time.Hour), limit(short)),
		"around another":        alice.New(limit(short), limit(time.Hour)),
		"inside one that shows": alice.New(testkit.Foreign()["unwrapping"], limit(short)),
	} {
		t.Run(why, func(t *testing.T) {
			testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
				release := make(chan struct{})
				client, url := tr.Serve(t, outside.ThenFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, "a part")
					http.NewResponseController(w).Flush()
					<-release
				}))
				start := time.Now()
				status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
				close(release)
				if took := time.Since(start); status != 200 || body != "a part" || err == nil || took != short {
					t.Errorf("%d %q %v after %v, want a part and an error after %v", status, body, err, took, short)
				}
			})
		})
	}
	t.Run("inside one that panics", func(t *testing.T) {
		w := httptest.NewRecorder()
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("recovered %v", v)
			}
		}()
		naive(limit(short)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, strings.Repeat("a part ", 1000))
			late(w, r)
		}))).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	})
}

type hijacker struct{ http.ResponseWriter }

func (w hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return w.ResponseWriter.(http.Hijacker).Hijack()
}

// TestTimeoutCauseOnTheWire: moving the deadlines of a connection makes net/http cancel
// the request, which the handler must not see. A handler that responds itself at its
// deadline does not interfere.
func TestTimeoutCauseOnTheWire(t *testing.T) {
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		client, url := tr.Serve(t, middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 2 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				child, cancel := context.WithCancel(r.Context())
				defer cancel()
				<-child.Done()
				for name, ctx := range map[string]context.Context{"request": r.Context(), "child": child} {
					var cause *middleware.TimeoutError
					if ctx.Err() != context.DeadlineExceeded || !errors.As(context.Cause(ctx), &cause) {
						t.Errorf("%s: Err %v, Cause %v", name, ctx.Err(), context.Cause(ctx))
					}
				}
				http.Error(w, "too slow", http.StatusServiceUnavailable)
			})))
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 50 {
					status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
					if err != nil || status != 504 || body != gatewayTimeout {
						t.Errorf("%d %q %v", status, body, err)
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestTimeoutRecords: one deadline, one record, whatever layers are outside.
func TestTimeoutRecords(t *testing.T) {
	type chain = func(log *testkit.Log) func(http.Handler) http.Handler
	at := func(log *testkit.Log, d time.Duration) func(http.Handler) http.Handler {
		return middleware.TimeoutWith(middleware.TimeoutConfig{Duration: d, Logger: log.Logger()})
	}
	tests := map[string]struct {
		chain  chain
		handle http.HandlerFunc
		gone   time.Duration // when the client leaves
		want   int
	}{
		"outer shorter": {func(log *testkit.Log) func(http.Handler) http.Handler {
			return func(h http.Handler) http.Handler { return at(log, time.Second)(at(log, 2*time.Second)(h)) }
		}, late, 0, 1},
		"inner shorter": {func(log *testkit.Log) func(http.Handler) http.Handler {
			return func(h http.Handler) http.Handler { return at(log, 2*time.Second)(at(log, time.Second)(h)) }
		}, late, 0, 1},
		"the same twice": {func(log *testkit.Log) func(http.Handler) http.Handler {
			same := at(log, time.Second)
			return func(h http.Handler) http.Handler { return same(same(h)) }
		}, late, 0, 1},
		"client gone": {func(log *testkit.Log) func(http.Handler) http.Handler { return at(log, 2*time.Second) },
			func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Second) }, time.Second, 0},
		"returned error": {func(log *testkit.Log) func(http.Handler) http.Handler {
			return func(h http.Handler) http.Handler { return at(log, time.Second)(testkit.Foreign()["unwrapping"](h)) }
		}, func(w http.ResponseWriter, r *http.Request) {
			reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				late(w, r)
				return errors.New("of no interest any more")
			}).ServeHTTP(w, r)
		}, 0, 1},
	}
	defer slog.SetDefault(slog.Default())
	for name, tt := range tests {
		for _, protocol := range []int{1, 2} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var log testkit.Log
					slog.SetDefault(log.Logger())
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					if tt.gone > 0 {
						time.AfterFunc(tt.gone, cancel)
					}
					r := httptest.NewRequest("GET", "/", nil).WithContext(ctx)
					r.ProtoMajor = protocol
					tt.chain(&log)(tt.handle).ServeHTTP(httptest.NewRecorder(), r)
					time.Sleep(time.Hour)
					synctest.Wait()
					if got := len(log.Records()); got != tt.want {
						t.Errorf("HTTP/%d: %d records, want %d: %v", protocol, got, tt.want, log.Records())
					}
				})
			})
		}
	}
}

// TestTimeoutLateHandlerTouchesNothing runs abandoned handlers that then make every
// possible call, for the race detector.
func TestTimeoutLateHandlerTouchesNothing(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	limit := middleware.ResponseLimit(1000)
	recoverer := middleware.Recover(quiet)
	handlers := map[string]http.Handler{
		"panic": recoverer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { late(w, r); panic("late") })),
		"abort": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { late(w, r); return http.ErrAbortHandler }),
		"nested limit": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			late(w, r)
			limit(http.NotFoundHandler()).ServeHTTP(w, r)
		}),
		"limit at the deadline": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				limit(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
			}
		}),
		"large write": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { late(w, r); w.Write(make([]byte, 1<<20)) }),
		"refusal":     http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { late(w, r); middleware.Methods{}.ServeHTTP(w, r) }),
	}
	for name, h := range handlers {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				var left sync.WaitGroup
				counted := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					left.Add(1)
					defer left.Done()
					h.ServeHTTP(w, r)
				})
				around := recoverer(limit(middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 5 * time.Millisecond, Logger: log.Logger()})(counted)))
				client, url := tr.Serve(t, around)
				for range 5 {
					if status, _, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil))); err != nil || status != 504 {
						t.Errorf("%d %q %v", status, body, err)
					}
				}
				left.Wait()
			})
		})
	}
}

// TestTimeoutSlowHook: a slow hook does not use up the time that the client has to
// receive its response.
func TestTimeoutSlowHook(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		t.Parallel() // it waits
		h := middleware.TimeoutWith(middleware.TimeoutConfig{
			Duration: time.Millisecond,
			Logger:   slog.New(slog.DiscardHandler),
			OnError: func(w http.ResponseWriter, r *http.Request, err error) {
				time.Sleep(1100 * time.Millisecond) // a real clock, since the handler waits for a lock
				reply.Problem(w, r, err)
			},
		})(http.HandlerFunc(late))
		if resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil)); testkit.Body(t, resp) != gatewayTimeout {
			t.Errorf("status %d", resp.StatusCode)
		}
	})
}

// TestTimeoutRemovesFiles: net/http removes the files of a form for the request it
// created, not for a copy.
func TestTimeoutRemovesFiles(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // on Windows
	var body strings.Builder
	form := multipart.NewWriter(&body)
	part, _ := form.CreateFormFile("file", "name")
	io.WriteString(part, strings.Repeat("x", 1<<20))
	form.Close()
	for name, piece := range map[string]func(http.Handler) http.Handler{
		"timeout": middleware.Timeout(time.Hour),
		"all":     middleware.New(middleware.Config{MaxDuration: time.Hour}),
		"late":    middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 50 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)}),
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				h := piece(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if err := r.ParseMultipartForm(1); err != nil && name != "late" { // on a busy machine the deadline may come first
						t.Error(err)
					}
					if name == "late" {
						late(w, r)
					}
				}))
				r := httptest.NewRequest("POST", "/", strings.NewReader(body.String()))
				r.Header.Set("Content-Type", form.FormDataContentType())
				tr.Do(t, h, r)
				eventually(t, "the files are gone", func() bool {
					left, _ := filepath.Glob(filepath.Join(dir, "multipart-*"))
					return len(left) == 0
				})
			})
		})
	}
	if _, err := os.Stat(dir); err != nil {
		t.Fatal(err)
	}
}

// TestShutdownSendsNoEmptyResponse: a base context that is canceled, as services do on
// SIGTERM, looks like a client that has gone, whose connection may be dropped. It must
// not look like a response.
func TestShutdownSendsNoEmptyResponse(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{
		BaseContext: func(net.Listener) context.Context { return ctx },
		Handler: reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			cancel()
			<-r.Context().Done()
			return r.Context().Err()
		}),
	}
	go server.Serve(listener)
	defer server.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if line, err := bufio.NewReader(conn).ReadString('\n'); err == nil {
		t.Errorf("answered %q", line)
	}
}
