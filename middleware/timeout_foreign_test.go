package middleware_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// A fragile writer panics in the named method, once it is armed.
type fragile struct {
	http.ResponseWriter
	breaks string
	armed  *atomic.Bool
}

func (f fragile) Unwrap() http.ResponseWriter { return f.ResponseWriter }

func (f fragile) rc(method string) *http.ResponseController {
	if f.breaks == method && f.armed.Load() {
		panic(method + " of a closed compressor")
	}
	return http.NewResponseController(f.ResponseWriter)
}

func (f fragile) Header() http.Header {
	f.rc("Header")
	return f.ResponseWriter.Header()
}

func (f fragile) WriteHeader(status int) {
	f.rc("WriteHeader")
	f.ResponseWriter.WriteHeader(status)
}

func (f fragile) Write(p []byte) (int, error) {
	f.rc("Write")
	return f.ResponseWriter.Write(p)
}
func (f fragile) FlushError() error { return f.rc("Flush").Flush() }
func (f fragile) SetReadDeadline(at time.Time) error {
	return f.rc("SetReadDeadline").SetReadDeadline(at)
}
func (f fragile) SetWriteDeadline(at time.Time) error {
	return f.rc("SetWriteDeadline").SetWriteDeadline(at)
}
func (f fragile) Hijack() (net.Conn, *bufio.ReadWriter, error) { return f.rc("Hijack").Hijack() }

// TestTimeoutForeignPanics: the methods of a foreign writer run on the goroutine of a
// timer, where a panic would end the process. The client gets a 504, or a complete
// response, or a connection that is cut, and the next request is served.
func TestTimeoutForeignPanics(t *testing.T) {
	whole := func(w http.ResponseWriter) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "whole")
	}
	responses := []struct {
		name  string
		write func(http.ResponseWriter)
		parts bool // a client may see a part, and detect that
	}{
		{"nothing", func(http.ResponseWriter) {}, false},
		{"held", func(w http.ResponseWriter) { io.WriteString(w, "held") }, false},
		{"part", func(w http.ResponseWriter) { io.WriteString(w, "part"); http.NewResponseController(w).Flush() }, true},
		{"whole", whole, false},
	}
	for _, method := range []string{"none", "Header", "WriteHeader", "Write", "Flush", "SetReadDeadline", "SetWriteDeadline", "Hijack"} {
		for _, tt := range responses {
			t.Run(method+"/"+tt.name, func(t *testing.T) {
				testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
					var log testkit.Log
					armed := new(atomic.Bool)
					mux := http.NewServeMux()
					mux.HandleFunc("/next", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "next") })
					mux.Handle("/", wrapped(func(w http.ResponseWriter) http.ResponseWriter {
						return fragile{w, method, armed}
					}, within(20*time.Millisecond, &log, func(w http.ResponseWriter, r *http.Request) {
						tt.write(w)
						armed.Store(true)
						late(w, r)
					})))
					client, url := tr.Serve(t, mux)
					r, _ := http.NewRequest("GET", url, nil)
					switch status, _, body, err := fetch(client, r); {
					case err != nil && (tt.parts || method != "none"):
					case err == nil && status == 504 && body == gatewayTimeout && tt.name != "whole":
					case err == nil && status == 200 && body == "whole" && tt.name == "whole":
					default:
						t.Errorf("the client got %d %q, %v", status, body, err)
					}
					r, _ = http.NewRequest("GET", url+"/next", nil)
					if _, _, body, err := fetch(client, r); err != nil || body != "next" {
						t.Errorf("the next request got %q, %v", body, err)
					}
				})
			})
		}
	}
}

// A stuckWriter does not return from a write, and has no deadlines.
type stuckWriter struct {
	http.ResponseWriter
	until chan struct{}
}

func (w stuckWriter) Write(p []byte) (int, error) {
	<-w.until
	return w.ResponseWriter.Write(p)
}

// A stuckFlusher is one that can flush.
type stuckFlusher struct{ stuckWriter }

func (w stuckFlusher) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

// TestTimeoutStuckWriter: a foreign writer that blocks and has no deadline keeps a
// client waiting, and one record names its type.
func TestTimeoutStuckWriter(t *testing.T) {
	const d = 100 * time.Millisecond
	for name, wrap := range map[string]func(stuckWriter) http.ResponseWriter{
		"middleware_test.stuckWriter":  func(w stuckWriter) http.ResponseWriter { return w },
		"middleware_test.stuckFlusher": func(w stuckWriter) http.ResponseWriter { return stuckFlusher{w} },
	} {
		t.Run(name, func(t *testing.T) {
			var log testkit.Log
			var until chan struct{}
			var n running
			h := wrapped(func(w http.ResponseWriter) http.ResponseWriter { return wrap(stuckWriter{w, until}) },
				within(d, &log, n.count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Write(make([]byte, 5000))
					if _, err := w.Write(make([]byte, 5000)); !errors.Is(err, http.ErrHandlerTimeout) {
						t.Errorf("a write after the deadline: %v", err)
					}
				}))))
			inBubble(t, h, func(t *testing.T, dial func() net.Conn) {
				defer n.wait()
				until = make(chan struct{})
				got := make(chan reading)
				go func() { got <- ask(dial()) }()
				time.Sleep(time.Minute)
				synctest.Wait()
				records := log.Records()
				if len(records) != 1 || records[0].Level != slog.LevelWarn || testkit.Attr(records[0], "writer") != name {
					t.Errorf("while it is stuck: %v, want one warning that names %s", records, name)
				}
				close(until)
				if got := <-got; got.err == nil {
					t.Errorf("the client takes %+v for whole", got)
				}
			})
			records := log.Records()
			if len(records) != 2 || records[1].Level != slog.LevelError || testkit.Attr(records[1], "cut") != "true" {
				t.Errorf("in the end: %v", records)
			}
		})
	}
}

// A statusRecorder is the common wrapper of access logs.
type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (w *statusRecorder) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// TestTimeoutUnderStatusRecorder: the client gets its 504 at the deadline although
// the wrapper outside has neither Flush nor Unwrap.
func TestTimeoutUnderStatusRecorder(t *testing.T) {
	const d = 100 * time.Millisecond
	tests := []struct {
		name  string
		write func(http.ResponseWriter)
		want  reading
	}{
		{"nothing", func(http.ResponseWriter) {}, reading{504, gatewayTimeout, nil, d}},
		{"a little", func(w http.ResponseWriter) { io.WriteString(w, "part") }, reading{504, gatewayTimeout, nil, d}},
		{"more than is held back", func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("x", 3000)) },
			reading{200, "", io.ErrUnexpectedEOF, d}},
		{"all of it", func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "whole")
		}, reading{200, "whole", nil, d}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log testkit.Log
			var n running
			var seen statusRecorder
			h := wrapped(func(w http.ResponseWriter) http.ResponseWriter { seen.ResponseWriter = w; return &seen },
				within(d, &log, n.count(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					tt.write(w)
					time.Sleep(time.Hour)
					if _, err := io.WriteString(w, "more"); !errors.Is(err, http.ErrHandlerTimeout) {
						t.Errorf("a write after the deadline: %v", err)
					}
				}))))
			inBubble(t, h, func(t *testing.T, dial func() net.Conn) {
				defer n.wait()
				got := ask(dial())
				if tt.want.err != nil && got.err != nil { // whatever the form of the cut
					got.status, got.body, got.err = tt.want.status, tt.want.body, tt.want.err
				}
				if got != tt.want {
					t.Errorf("the client got %+v, want %+v", got, tt.want)
				}
			})
			if tt.want.status == 504 && seen.status != 504 {
				t.Errorf("the wrapper saw %d", seen.status)
			}
		})
	}
}

// TestTimeoutUnderResponseRecorder: a test of a handler with httptest sees what a client
// would see.
func TestTimeoutUnderResponseRecorder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log testkit.Log
		w := httptest.NewRecorder()
		within(time.Second, &log, func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "part")
			late(w, r)
			io.WriteString(w, "more")
		}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if w.Code != 504 || w.Body.String() != gatewayTimeout {
			t.Errorf("%d %q", w.Code, w.Body)
		}
	})
}

// A recycled is a foreign writer of a router that reuses it for its next request once
// ServeHTTP has returned, as gin does.
type recycled struct {
	http.ResponseWriter
	t        *testing.T
	returned atomic.Bool
}

func (w *recycled) use(what string) {
	if w.returned.Load() {
		w.t.Errorf("%s of a writer that serves another request", what)
	}
}

func (w *recycled) Unwrap() http.ResponseWriter { w.use("Unwrap"); return w.ResponseWriter }
func (w *recycled) Header() http.Header         { w.use("Header"); return w.ResponseWriter.Header() }
func (w *recycled) Write(p []byte) (int, error) { w.use("Write"); return w.ResponseWriter.Write(p) }
func (w *recycled) WriteHeader(status int) {
	w.use("WriteHeader")
	w.ResponseWriter.WriteHeader(status)
}

// TestTimeoutLeavesRecycledWriters: the calls of an abandoned handler do not pass its
// Timeout, even with a second Timeout in between.
func TestTimeoutLeavesRecycledWriters(t *testing.T) {
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 10, Action: middleware.LimitAbort, Logger: discard})
	fails := func(http.ResponseWriter, *http.Request) error { return errors.New("broken") }
	afterwards := map[string]http.Handler{
		"ResponseLimit": limit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "more than ten bytes") })),
		"an error":      reply.HandlerFunc(fails),
		"no JSON":       http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply.JSON(w, r, 200, func() {}) }),
		"JSON":          http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply.JSON(w, r, 200, 1) }),
		"a stream": stream.Handler(stream.Config{Logger: discard}, func(s *stream.Stream) error {
			return s.Send(stream.Event{Data: "x"})
		}),
		"a panic": middleware.Recover(discard)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })),
		"a controller": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			_, _, _ = rc.Flush(), rc.SetWriteDeadline(time.Time{}), rc.EnableFullDuplex()
		}),
		"a wrapper": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, w = response.Wrap(&recycled{ResponseWriter: w, t: t}, r)
			w.WriteHeader(http.StatusTeapot)
		}),
	}
	for name, after := range afterwards {
		for _, nested := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, nested %t", name, nested), func(t *testing.T) {
				left, ended := make(chan struct{}), make(chan struct{})
				h := within(10*time.Millisecond, new(testkit.Log), func(w http.ResponseWriter, r *http.Request) {
					defer close(ended)
					<-left
					after.ServeHTTP(w, r)
				})
				if nested {
					h = within(time.Hour, new(testkit.Log), h.ServeHTTP)
				}
				client, url := testkit.HTTP2.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					recycled := &recycled{ResponseWriter: w, t: t}
					h.ServeHTTP(recycled, r)
					recycled.returned.Store(true)
					close(left)
				}))
				r, _ := http.NewRequest("GET", url, nil)
				if status, _, _, err := fetch(client, r); err != nil || status != http.StatusGatewayTimeout {
					t.Errorf("%d %v", status, err)
				}
				<-ended
			})
		}
	}
}

// TestTimeoutReturnGrace: on HTTP/2 layers outside wait only for a handler that returns
// soon after its deadline. The client already has its response.
func TestTimeoutReturnGrace(t *testing.T) {
	const limit = 200 * time.Millisecond
	for _, tt := range []struct {
		late time.Duration // of the handler
		want time.Duration // of the layer outside
	}{
		{time.Millisecond, limit + time.Millisecond},
		{99 * time.Millisecond, limit + 99*time.Millisecond},
		{101 * time.Millisecond, limit + 100*time.Millisecond},
		{time.Hour, limit + 100*time.Millisecond},
	} {
		t.Run(tt.late.String(), func(t *testing.T) {
			testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
				if tr.Name != "http2" {
					t.Skip("the handler runs in place")
				}
				start, ended, outside := make(chan time.Time, 1), make(chan struct{}), make(chan time.Duration, 1)
				h := within(limit, new(testkit.Log), func(w http.ResponseWriter, r *http.Request) {
					defer close(ended)
					start <- time.Now()
					time.Sleep(limit + tt.late)
				})
				client, url := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					h.ServeHTTP(w, r)
					outside <- time.Since(<-start)
				}))
				r, _ := http.NewRequest("GET", url, nil)
				begun := time.Now()
				resp, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body := make([]byte, len(gatewayTimeout))
				if _, err := io.ReadFull(resp.Body, body); err != nil || string(body) != gatewayTimeout || time.Since(begun) != limit {
					t.Errorf("%q, %v after %v", body, err, time.Since(begun))
				}
				if got := <-outside; got != tt.want {
					t.Errorf("the layer outside goes on after %v, want %v", got, tt.want)
				}
				<-ended
			})
		})
	}
}
