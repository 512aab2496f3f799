package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// short is a deadline that tests over sockets wait for. No test asserts it.
const short = 60 * time.Millisecond

// timed runs the handler under a timeout, with a logger of its own.
func timed(log *testkit.Log, h http.HandlerFunc) http.Handler {
	return within(short, log, h)
}

func within(d time.Duration, log *testkit.Log, h http.HandlerFunc) http.Handler {
	return middleware.TimeoutWith(middleware.TimeoutConfig{Duration: d, Logger: log.Logger()})(h)
}

// late returns once the request's deadline has passed.
func late(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// fetch returns the response, or the error of a connection that was cut.
func fetch(client *http.Client, r *http.Request) (status int, header http.Header, body string, err error) {
	resp, err := client.Do(r)
	if err != nil {
		return 0, nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, resp.Header, string(text), err
}

const gatewayTimeout = `{"title":"Gateway Timeout","status":504}`

// TestTimeoutMatrix: what a client gets for each way in which a handler can be late.
func TestTimeoutMatrix(t *testing.T) {
	big := make([]byte, 1<<20)
	tests := []struct {
		name   string
		body   string // sent, and then the connection stays open for more
		handle func(t *testing.T, w http.ResponseWriter, r *http.Request)
		status int // 0: no whole response
		text   string
		why    string
	}{
		{"in time", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }, 200, "ok", ""},
		{"silent in time", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) { w.Header().Set("X-A", "1") }, 200, "", ""},
		{"ignores the context", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			late(w, r)
			w.WriteHeader(200)
			if _, err := io.WriteString(w, "late"); err != http.ErrHandlerTimeout {
				t.Errorf("a late Write returns %v", err)
			}
		}, 504, gatewayTimeout, "the answer does not wait for the handler"},
		{"stuck reading", "x", func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err == nil {
				t.Error("read the end of a body that has none")
			}
		}, 504, gatewayTimeout, "the client has stalled"},
		{"stuck writing", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			for {
				if _, err := w.Write(big); err != nil {
					return
				}
			}
		}, 0, "", "the client does not read"},
		{"flushing on", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			for {
				io.WriteString(w, "tick\n")
				if err := http.NewResponseController(w).Flush(); err != nil {
					return
				}
				runtime.Gosched()
			}
		}, 0, "", "half a stream must not look whole"},
		{"panics late", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) { late(w, r); panic("late") }, 504, gatewayTimeout,
			"the answer is out"},
		{"exits late", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) { late(w, r); runtime.Goexit() }, 504, gatewayTimeout,
			"the answer is out"},
		{"returns the error of its context", "", func(t *testing.T, w http.ResponseWriter, r *http.Request) {
			reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				<-r.Context().Done()
				return fmt.Errorf("query: %w", r.Context().Err())
			}).ServeHTTP(w, r)
		}, 504, gatewayTimeout, "one answer, and one record"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				defer slog.SetDefault(slog.Default())
				slog.SetDefault(log.Logger())
				var handlers sync.WaitGroup
				d := short
				if tt.status == 200 {
					d = time.Hour // however slow the machine is
				}
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("X-Outer", "1")
					within(d, &log, func(w http.ResponseWriter, r *http.Request) {
						handlers.Add(1)
						defer handlers.Done()
						w.Header().Set("X-Inner", "1")
						tt.handle(t, w, r)
					}).ServeHTTP(w, r)
				})
				client, url := tr.Serve(t, h)
				r, _ := http.NewRequest("POST", url, nil)
				if tt.body != "" {
					body, end := io.Pipe()
					go io.WriteString(end, tt.body)
					defer end.Close()
					r.Body = body
					r.ContentLength = 100
				}
				status, header, text, err := fetch(client, r)
				if tt.status == 0 {
					if err == nil {
						t.Fatalf("%d with %d bytes, taken for whole: %s", status, len(text), tt.why)
					}
				} else if err != nil || status != tt.status || text != tt.text {
					t.Fatalf("%d %q %v, want %d %q: %s", status, text, err, tt.status, tt.text, tt.why)
				}
				if tt.status == 504 && (header.Get("X-Inner") != "" || header.Get("X-Outer") == "") {
					t.Errorf("header %v: want that of the layers outside, not the handler's", header)
				}
				handlers.Wait()

				// The next request is not affected.
				next := testkit.At(t, url, httptest.NewRequest("GET", "/", nil))
				if tt.body == "" && tt.status != 0 {
					if status, _, _, err := fetch(client, next); err != nil || status != tt.status {
						t.Errorf("the next request: %d, %v", status, err)
					}
					handlers.Wait()
				}
				want := 1
				switch {
				case tt.status == 200:
					want = 0
				case tt.body == "" && tt.status != 0:
					want = 2 // with that of the next request
				}
				eventually(t, "one record for each timeout", func() bool { return timeouts(&log) == want })
			})
		})
	}
}

func timeouts(log *testkit.Log) (n int) {
	for _, rec := range log.Records() {
		if testkit.Attr(rec, "status") == "504" {
			n++
		}
	}
	return n
}

// eventually waits for an effect on another goroutine after the client has its
// response.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// TestTimeoutRespondsBeforeHandlerReturns is the main purpose: a handler that ignores
// its context keeps no client waiting.
func TestTimeoutRespondsBeforeHandlerReturns(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		release := make(chan struct{})
		client, url := tr.Serve(t, timed(&log, func(w http.ResponseWriter, r *http.Request) { <-release }))
		status, header, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
		if err != nil || status != 504 || body != gatewayTimeout || header.Get("Content-Length") != fmt.Sprint(len(body)) {
			t.Errorf("%d %q %v %v", status, body, header, err)
		}
		close(release)
	})
}

func TestTimeoutContext(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.ProtoMajor = protocol
			start := time.Now()
			var child context.Context
			h := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 5 * time.Second, Logger: new(testkit.Log).Logger()})(
				http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					ctx := r.Context()
					if at, ok := ctx.Deadline(); !ok || !at.Equal(start.Add(5*time.Second)) {
						t.Errorf("Deadline %v, %t", at, ok)
					}
					if ctx.Err() != nil || context.Cause(ctx) != nil {
						t.Errorf("before the deadline: %v, %v", ctx.Err(), context.Cause(ctx))
					}
					type key struct{}
					var cancel func()
					child, cancel = context.WithCancel(context.WithValue(ctx, key{}, 1))
					defer cancel()
					ran := make(chan struct{})
					defer context.AfterFunc(ctx, func() { close(ran) })()
					never := context.AfterFunc(ctx, func() { t.Error("a stopped function ran") })
					if !never() || never() {
						t.Error("stop does not report whether it stopped")
					}
					<-child.Done()
					if got := time.Since(start); got != 5*time.Second {
						t.Errorf("ended after %v", got)
					}
					<-ran
					for name, ctx := range map[string]context.Context{"context": ctx, "child": child} {
						if ctx.Err() != context.DeadlineExceeded {
							t.Errorf("%s: Err = %v", name, ctx.Err())
						}
						var timeout *middleware.TimeoutError
						if !errors.As(context.Cause(ctx), &timeout) || timeout.Duration != 5*time.Second {
							t.Errorf("%s: Cause = %v", name, context.Cause(ctx))
						}
					}
					// A context derived after the end has ended from the start.
					after, cancel2 := context.WithTimeout(ctx, time.Hour)
					defer cancel2()
					if after.Err() != context.DeadlineExceeded {
						t.Errorf("made too late: %v", after.Err())
					}
				}))
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			synctest.Wait()
			if w.Code != 504 {
				t.Errorf("status %d", w.Code)
			}
		})
	}
}

// TestTimeoutContextEndsWithHandler: as with http.TimeoutHandler, goroutines that
// the handler started learn that the request is over.
func TestTimeoutContextEndsWithHandler(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.ProtoMajor = protocol
			var asked, unasked context.Context
			h := middleware.Timeout(time.Hour)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				unasked = r.Context()
				if asked != nil {
					_ = r.Context().Done()
				}
				asked = r.Context()
			}))
			h.ServeHTTP(httptest.NewRecorder(), r)
			h.ServeHTTP(httptest.NewRecorder(), r)
			for _, ctx := range []context.Context{asked, unasked} {
				<-ctx.Done()
				if ctx.Err() != context.Canceled || context.Cause(ctx) != context.Canceled {
					t.Errorf("%v, %v", ctx.Err(), context.Cause(ctx))
				}
				ran := make(chan struct{})
				context.AfterFunc(ctx, func() { close(ran) })
				<-ran
			}
		})
	}
}

// TestTimeoutClientGone: the context of the request still ends with its
// parent, and nothing is logged.
func TestTimeoutClientGone(t *testing.T) {
	var log testkit.Log
	gone := errors.New("gone")
	ctx, cancel := context.WithCancelCause(t.Context())
	h := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Hour, Logger: log.Logger()})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			child, stop := context.WithCancel(r.Context())
			defer stop()
			cancel(gone)
			<-child.Done()
			<-r.Context().Done()
			if r.Context().Err() != context.Canceled || context.Cause(r.Context()) != gone || context.Cause(child) != gone {
				t.Errorf("%v, %v, %v", r.Context().Err(), context.Cause(r.Context()), context.Cause(child))
			}
		}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	if len(log.Records()) != 0 {
		t.Errorf("logged: %v", log.Records())
	}
}

func TestExtend(t *testing.T) {
	if err := middleware.Extend(httptest.NewRequest("GET", "/", nil), time.Second); !errors.Is(err, http.ErrNotSupported) {
		t.Errorf("without a Timeout: %v", err)
	}
	tests := []struct {
		name   string
		extend time.Duration
		after  time.Duration // when the handler asks
		work   time.Duration // how long it then works
		outer  time.Duration
		status int
		err    error
		why    string
	}{
		{"longer", 10 * time.Second, 4 * time.Second, 9 * time.Second, 0, 200, nil, "13 s are under 14 s"},
		{"not long enough", 10 * time.Second, 4 * time.Second, 11 * time.Second, 0, 504, nil, "15 s are not"},
		{"shorter", time.Second, 0, 2 * time.Second, 0, 504, nil, "a deadline may move either way"},
		{"lifted", -1, 4 * time.Second, time.Hour, 0, 200, nil, "no deadline"},
		{"outer moved along", 10 * time.Second, 4 * time.Second, 9 * time.Second, 6 * time.Second, 200, nil, "the one asked for counts"},
		{"outer lifted", -1, 0, time.Hour, 6 * time.Second, 200, nil, "a stream has no deadline anywhere"},
		{"outer stays later", time.Second, 0, 500 * time.Millisecond, 6 * time.Second, 200, nil, "the outer one is no shorter for it"},
		{"too late", time.Hour, 6 * time.Second, 0, 0, 504, http.ErrHandlerTimeout, "the answer is out"},
	}
	for _, tt := range tests {
		for _, protocol := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, protocol), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					config := middleware.TimeoutConfig{Duration: 5 * time.Second, Logger: new(testkit.Log).Logger()}
					h := middleware.TimeoutWith(config)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						time.Sleep(tt.after)
						synctest.Wait()
						if err := middleware.Extend(r, tt.extend); err != tt.err {
							t.Errorf("Extend: %v", err)
						}
						if at, ok := r.Context().Deadline(); tt.err == nil && (ok != (tt.extend > 0) || ok && !at.Equal(time.Now().Add(tt.extend))) {
							t.Errorf("Deadline %v, %t", at, ok)
						}
						time.Sleep(tt.work)
						synctest.Wait()
						w.WriteHeader(200)
					}))
					config.Duration = tt.outer
					h = middleware.TimeoutWith(config)(h)
					r := httptest.NewRequest("GET", "/", nil)
					r.ProtoMajor = protocol
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					if w.Code != tt.status {
						t.Errorf("status %d, want %d: %s", w.Code, tt.status, tt.why)
					}
					time.Sleep(2 * time.Hour) // until an abandoned handler is done
				})
			})
		}
	}
}

func TestTimeoutModes(t *testing.T) {
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	tests := []struct {
		name   string
		mode   middleware.TimeoutMode
		pauses []time.Duration // one before each byte, and one at the end
		whole  bool
		why    string
	}{
		{"total in time", middleware.TimeoutTotal, []time.Duration{second(1), second(1), second(1)}, true, ""},
		{"total late", middleware.TimeoutTotal, []time.Duration{second(1), second(3), second(2)}, false, "6 s in all"},
		{"first byte in time", middleware.TimeoutFirstByte, []time.Duration{second(4), second(60), second(60)}, true, "what comes later does not count"},
		{"first byte late", middleware.TimeoutFirstByte, []time.Duration{second(6), 0}, false, ""},
		{"idle in time", middleware.TimeoutIdle, []time.Duration{second(4), second(4), second(4), second(4), second(4)}, true, "20 s in all, never 5 without a byte"},
		{"idle before the first byte", middleware.TimeoutIdle, []time.Duration{second(6), 0}, false, ""},
		{"idle later", middleware.TimeoutIdle, []time.Duration{second(1), second(11), 0}, false, "noticed after 5 to 10 s"},
		{"idle at the end", middleware.TimeoutIdle, []time.Duration{second(1), second(11)}, false, "the response has not ended"},
	}
	for _, tt := range tests {
		for _, protocol := range []int{1, 2} {
			t.Run(fmt.Sprintf("%s/%d", tt.name, protocol), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					h := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 5 * time.Second, Mode: tt.mode, Logger: slog.New(slog.DiscardHandler)})(
						http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
							last := len(tt.pauses) - 1
							for _, pause := range tt.pauses[:last] {
								time.Sleep(pause)
								io.WriteString(w, "x")
							}
							time.Sleep(tt.pauses[last])
						}))
					r := httptest.NewRequest("GET", "/", nil)
					r.ProtoMajor = protocol
					w := httptest.NewRecorder()
					aborted := func() (aborted bool) {
						defer func() { aborted = recover() == http.ErrAbortHandler }()
						h.ServeHTTP(w, r)
						return
					}()
					time.Sleep(time.Hour)
					synctest.Wait()
					if whole := !aborted && w.Code == 200 && w.Body.String() == strings.Repeat("x", len(tt.pauses)-1); whole != tt.whole {
						t.Errorf("%d %q, aborted %t; want whole %t: %s", w.Code, w.Body, aborted, tt.whole, tt.why)
					}
				})
			})
		}
	}
}

func TestTimeoutNested(t *testing.T) {
	for _, d := range [][2]time.Duration{{2 * time.Second, time.Second}, {time.Second, 2 * time.Second}} {
		for _, protocol := range []int{1, 2} {
			synctest.Test(t, func(t *testing.T) {
				var log testkit.Log
				config := func(d time.Duration) middleware.TimeoutConfig {
					return middleware.TimeoutConfig{Duration: d, Logger: log.Logger()}
				}
				var answered time.Duration
				start := time.Now()
				h := middleware.TimeoutWith(config(d[0]))(middleware.TimeoutWith(config(d[1]))(
					http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						<-r.Context().Done()
						answered = time.Since(start)
						time.Sleep(time.Minute)
					})))
				r := httptest.NewRequest("GET", "/", nil)
				r.ProtoMajor = protocol
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				time.Sleep(time.Hour)
				synctest.Wait()
				if w.Code != 504 || answered != time.Second || strings.Count(w.Body.String(), "504") != 1 {
					t.Errorf("%v: %d %q after %v", d, w.Code, w.Body, answered)
				}
			})
		}
	}
}

func TestTimeoutResponse(t *testing.T) {
	tests := []struct {
		name   string
		config middleware.TimeoutConfig
		method string
		status int
		body   string
		retry  string
		why    string
	}{
		{"default", middleware.TimeoutConfig{}, "GET", 504, gatewayTimeout, "", ""},
		{"HEAD", middleware.TimeoutConfig{}, "HEAD", 504, "", "", "no body, the same header"},
		{"retry", middleware.TimeoutConfig{RetryAfter: 1500 * time.Millisecond}, "GET", 504, gatewayTimeout, "2", "whole seconds, not too early"},
		{"plain", middleware.TimeoutConfig{OnError: reply.PlainError}, "GET", 504, "Gateway Timeout", "", ""},
		{"other status", middleware.TimeoutConfig{OnError: func(w http.ResponseWriter, r *http.Request, err error) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		}}, "GET", 503, "busy\n", "", "the hook decides"},
		{"silent", middleware.TimeoutConfig{OnError: func(http.ResponseWriter, *http.Request, error) {}}, "GET", 500,
			`{"title":"Internal Server Error","status":500}`, "", "no empty 200"},
		{"panicking", middleware.TimeoutConfig{OnError: func(w http.ResponseWriter, _ *http.Request, _ error) {
			w.WriteHeader(503)
			panic("hook")
		}}, "GET", 504, gatewayTimeout, "", "on the timer's goroutine a panic would end the process"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				tt.config.Duration = time.Millisecond
				var log testkit.Log
				tt.config.Logger = log.Logger()
				h := middleware.TimeoutWith(tt.config)(http.HandlerFunc(late))
				resp := tr.Do(t, h, httptest.NewRequest(tt.method, "/", nil))
				if body := testkit.Body(t, resp); resp.StatusCode != tt.status || body != tt.body || resp.Header.Get("Retry-After") != tt.retry {
					t.Errorf("%d %q Retry-After %q, want %d %q %q: %s", resp.StatusCode, body, resp.Header.Get("Retry-After"), tt.status, tt.body, tt.retry, tt.why)
				}
				eventually(t, "one record, with the timeout", func() bool {
					records := log.Records()
					return len(records) == 1 && strings.Contains(testkit.Attr(records[0], "error")+testkit.Attr(records[0], "answering"), "did not answer within")
				})
			})
		})
	}
}

// TestTimeoutPanic: the stack in the log is the handler's, on either protocol.
func TestTimeoutPanic(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		h := middleware.Recover(log.Logger())(middleware.Timeout(time.Hour)(http.HandlerFunc(explode)))
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if resp.StatusCode != 500 {
			t.Errorf("status %d", resp.StatusCode)
		}
		records := log.Records()
		if len(records) != 1 || !strings.Contains(testkit.Attr(records[0], "stack"), "middleware_test.explode") || testkit.Attr(records[0], "error") != "panic: boom" {
			t.Errorf("records %v: want one, with the handler's stack", records)
		}
	})
}

func explode(http.ResponseWriter, *http.Request) { panic("boom") }

// TestTimeoutAbortPasses: http.ErrAbortHandler is unchanged, and runtime.Goexit is
// still no response.
func TestTimeoutAbortPasses(t *testing.T) {
	for name, end := range map[string]func(){"abort": func() { panic(http.ErrAbortHandler) }, "exit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				client, url := tr.Serve(t, middleware.Timeout(time.Hour)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { end() })))
				if status, _, _, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil))); err == nil {
					t.Errorf("status %d", status)
				}
			})
		})
	}
}

// TestTimeoutLatePanicIsLogged: no layer recovers the panic of an abandoned handler.
func TestTimeoutLatePanicIsLogged(t *testing.T) {
	var log testkit.Log
	resp := testkit.HTTP2.Do(t, timed(&log, func(w http.ResponseWriter, r *http.Request) {
		late(w, r)
		explode(w, r)
	}), httptest.NewRequest("GET", "/", nil))
	if resp.StatusCode != 504 {
		t.Errorf("status %d", resp.StatusCode)
	}
	eventually(t, "a record with the handler's stack", func() bool {
		for _, rec := range log.Records() {
			if strings.Contains(testkit.Attr(rec, "stack"), "middleware_test.explode") {
				return rec.Message == "apiece: a handler panicked after its time" && testkit.Attr(rec, "status") == ""
			}
		}
		return false
	})
}

// TestTimeoutLatePanicUnderRecover: the one record of the response is that of the 504.
func TestTimeoutLatePanicUnderRecover(t *testing.T) {
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		h := middleware.New(middleware.Config{MaxDuration: time.Second, Logger: log.Logger()})(
			http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
				time.Sleep(2 * time.Second)
				panic("late")
			}))
		if resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil)); resp.StatusCode != 504 {
			t.Errorf("status %d", resp.StatusCode)
		}
		time.Sleep(time.Minute)
		var got []string
		for _, rec := range log.Records() {
			got = append(got, rec.Message+" "+testkit.Attr(rec, "status"))
		}
		if want := []string{"apiece: request failed 504", "apiece: a handler panicked after its time "}; !slices.Equal(got, want) {
			t.Errorf("records %q, want %q", got, want)
		}
	})
}

func TestTimeoutPattern(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		mux := http.NewServeMux()
		mux.HandleFunc("GET /post/{id}", func(w http.ResponseWriter, r *http.Request) {})
		inner := middleware.Timeout(time.Hour)(mux)
		var pattern string
		tr.Do(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			inner.ServeHTTP(w, r)
			pattern = r.Pattern
		}), httptest.NewRequest("GET", "/post/1", nil))
		if pattern != "GET /post/{id}" {
			t.Errorf("a logger outside sees the pattern %q", pattern)
		}
	})
}

// TestTimeoutLeavesHijackedConnections: a handler that hijacks a connection sets its
// own deadlines.
func TestTimeoutLeavesHijackedConnections(t *testing.T) {
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		if tr.Name == testkit.HTTP2.Name {
			return // there is none to hijack
		}
		var log testkit.Log
		h := timed(&log, func(w http.ResponseWriter, r *http.Request) {
			conn, buf, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			time.Sleep(2 * short)
			if r.Context().Err() != nil {
				t.Error("the context ended")
			}
			io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmine")
			buf.Flush()
		})
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if body := testkit.Body(t, resp); body != "mine" || len(log.Records()) != 0 {
			t.Errorf("%q, %v", body, log.Records())
		}
	})
}

// TestTimeoutAtTheDeadline ends handlers a nanosecond before the deadline, after it,
// and at the same time: whichever wins, there is one response.
func TestTimeoutAtTheDeadline(t *testing.T) {
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		const clients, rounds = 8, 150
		h := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: short, Logger: slog.New(slog.DiscardHandler)})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				after, _ := time.ParseDuration(r.URL.Query().Get("after"))
				steps, _ := strconv.Atoi(r.URL.Query().Get("steps"))
				time.Sleep(short + after)
				for range steps {
					runtime.Gosched()
				}
				w.Header().Set("X-Handler", "1")
				io.WriteString(w, "in time")
			}))
		client, url := tr.Serve(t, h)
		var inTime, tooLate atomic.Int64
		var wg sync.WaitGroup
		for range clients {
			wg.Go(func() {
				for i := range rounds {
					after := []time.Duration{-1, 0, 0, 0, 1}[i%5]
					target := fmt.Sprintf("/?after=%v&steps=%d", after, i%50)
					status, header, body, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", target, nil)))
					switch {
					case err != nil && after == 0:
						// Cut after bytes were sent, which a write of seven bytes and
						// the deadline may cause.
					case status == 200 && body == "in time" && header.Get("X-Handler") == "1" && after <= 0:
						inTime.Add(1)
					case status == 504 && body == gatewayTimeout && header.Get("X-Handler") == "" && after >= 0:
						tooLate.Add(1)
					default:
						t.Errorf("%v after the deadline: %d %v %q %v", after, status, header, body, err)
					}
				}
			})
		}
		wg.Wait()
		t.Logf("%d in time, %d too late, of %d", inTime.Load(), tooLate.Load(), clients*rounds)
	})
}

func TestTimeoutDisabled(t *testing.T) {
	h := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	for _, d := range []time.Duration{0, -time.Second} {
		if got := fmt.Sprintf("%p", middleware.Timeout(d)(h)); got != fmt.Sprintf("%p", h) {
			t.Errorf("Timeout(%v) puts something in front of the handler", d)
		}
	}
}

func TestTimeoutWithoutUnit(t *testing.T) {
	defer func() {
		if p := recover(); p == nil || !strings.Contains(fmt.Sprint(p), "5*time.Second") {
			t.Errorf("Timeout(5) panics with %v, which does not name the trap", p)
		}
	}()
	middleware.Timeout(5)
}

func TestTimeoutAllocs(t *testing.T) {
	if testkit.Race {
		t.Skip("the race detector allocates")
	}
	silent := func(http.ResponseWriter, *http.Request) {}
	asking := func(w http.ResponseWriter, _ *http.Request) { w.Header() }
	replying := func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, http.StatusOK, nil) }
	for _, tt := range []struct {
		name       string
		h          http.HandlerFunc
		onError    bool
		protoMajor int
		want       float64
	}{
		{"nothing", silent, false, 1, 1}, // the state of the request
		{"the header", asking, false, 1, 2},
		{"a reply", replying, false, 1, 1},
		{"a hook", silent, true, 1, 1},
		{"HTTP/2", silent, false, 2, 7}, // the goroutine, its end, what it hands back, and a header of its own
	} {
		cfg := middleware.TimeoutConfig{Duration: time.Hour}
		if tt.onError {
			cfg.OnError = reply.Problem
		}
		r, w := httptest.NewRequest("GET", "/", nil), httptest.NewRecorder()
		r.Header.Set("Accept", "*/*")
		r.ProtoMajor = tt.protoMajor
		allocs := func(h http.Handler) float64 {
			return testing.AllocsPerRun(100, func() {
				clear(w.Header())
				h.ServeHTTP(w, r)
			})
		}
		if got := allocs(middleware.TimeoutWith(cfg)(tt.h)) - allocs(tt.h); got != tt.want {
			t.Errorf("%s: a Timeout adds %v allocations, want %v", tt.name, got, tt.want)
		}
	}
}
