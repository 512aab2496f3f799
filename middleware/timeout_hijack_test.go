package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
)

// A reading is what the client of one request in a bubble has read.
type reading struct {
	status int
	body   string
	err    error         // of a connection that was cut
	took   time.Duration // until then
}

// ask sends a GET request over a connection of its own and reads the response.
func ask(conn net.Conn) (got reading) {
	start := time.Now()
	defer func() { got.took = time.Since(start) }()
	if _, got.err = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); got.err != nil {
		return got
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "GET", URL: new(url.URL)})
	if err != nil {
		got.err = err
		return got
	}
	text, err := io.ReadAll(resp.Body)
	got.status, got.body, got.err = resp.StatusCode, string(text), err
	return got
}

// running counts the handlers that run, including abandoned ones.
type running struct{ atomic.Int64 }

func (n *running) count(h http.Handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		defer n.Add(-1)
		h.ServeHTTP(w, r)
	}
}

// wait waits, in a bubble, for the handlers that have begun.
func (n *running) wait() {
	for n.Load() > 0 {
		time.Sleep(time.Second)
	}
}

// inBubble serves h in a bubble, and waits for its handlers at the end.
func inBubble(t *testing.T, h http.Handler, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	var n running
	server := &http.Server{ErrorLog: log.New(io.Discard, "", 0), Handler: n.count(h)}
	testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
		defer n.wait()
		test(t, dial)
	})
}

// wrapped puts a foreign writer around the server's.
func wrapped(wrap func(http.ResponseWriter) http.ResponseWriter, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(wrap(w), r) })
}

// A slowHijack takes long to hijack the connection.
type slowHijack struct {
	http.ResponseWriter
	takes time.Duration
	fails error
}

func (w slowHijack) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w slowHijack) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	time.Sleep(w.takes)
	if w.fails != nil {
		return nil, nil, w.fails
	}
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// An asked context signals once that its Err was called after a time, and waits there:
// that caller is the timer, between its check of the response and its taking it.
type asked struct {
	context.Context
	after time.Time
	once  *sync.Once
	told  chan struct{}
	goOn  chan struct{}
}

func (c asked) Err() error {
	if !time.Now().Before(c.after) {
		c.once.Do(func() { close(c.told); <-c.goOn })
	}
	return c.Context.Err()
}

// inOrder fails the test if one of the two methods of ctx shows its end and the other
// does not.
func inOrder(t *testing.T, name string, ctx context.Context) {
	t.Helper()
	ended := ctx.Err() != nil
	select {
	case <-ctx.Done():
		if ctx.Err() == nil {
			t.Errorf("%s: Done is closed and Err is nil", name)
		}
	default:
		if ended {
			t.Errorf("%s: Err is %v and Done is open", name, ctx.Err())
		}
	}
}

const answering = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine"

// TestTimeoutHijackAtTheDeadline: a connection that is hijacked at the deadline belongs
// to the handler or not, and nothing in between: a context that is done without an
// error ends the process, in package context.
func TestTimeoutHijackAtTheDeadline(t *testing.T) {
	const d = 100 * time.Millisecond
	cannot := errors.New("cannot")
	tests := []struct {
		name   string
		starts time.Duration // of the hijack, after the request
		takes  time.Duration
		fails  error
		looked bool // the timer has already checked, and takes its step after
		outer  time.Duration
		want   reading
	}{
		{"before", 50 * time.Millisecond, 0, nil, false, 0, reading{status: 200, body: "mine"}},
		{"across", 90 * time.Millisecond, 20 * time.Millisecond, nil, false, 0, reading{status: 200, body: "mine"}},
		{"after the look", d, 0, nil, true, 0, reading{status: 200, body: "mine"}},
		{"across two", 90 * time.Millisecond, 20 * time.Millisecond, nil, false, d, reading{status: 200, body: "mine"}},
		{"across, and cannot", 90 * time.Millisecond, 20 * time.Millisecond, cannot, false, 0, reading{status: 504, body: gatewayTimeout}},
		{"across two, and cannot", 90 * time.Millisecond, 20 * time.Millisecond, cannot, false, d, reading{status: 504, body: gatewayTimeout}},
		{"late", 110 * time.Millisecond, 0, nil, false, 0, reading{status: 504, body: gatewayTimeout}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log testkit.Log
			hijacked := make(chan error, 1)
			told, goOn := make(chan struct{}), make(chan struct{})
			handler := func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context()) // as for any query
				defer cancel()
				if tt.looked {
					<-told
				} else {
					time.Sleep(tt.starts)
				}
				conn, buf, err := http.NewResponseController(w).Hijack()
				close(goOn)
				time.Sleep(d) // far past the deadline
				inOrder(t, "the request's context", r.Context())
				inOrder(t, "a derived context", ctx)
				if (err == nil) != (ctx.Err() == nil) || (err == nil) != (r.Context().Err() == nil) {
					t.Errorf("hijacked: %v, but the contexts end with %v and %v", err, r.Context().Err(), ctx.Err())
				}
				if err == nil {
					io.WriteString(buf, answering)
					buf.Flush()
					conn.Close()
				}
				hijacked <- err
			}
			h := within(tt.outer, &log, within(d, &log, handler).ServeHTTP)
			served := wrapped(func(w http.ResponseWriter) http.ResponseWriter {
				return slowHijack{w, tt.takes, tt.fails}
			}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if tt.looked {
					r = r.WithContext(asked{r.Context(), time.Now().Add(d), new(sync.Once), told, goOn})
				}
				h.ServeHTTP(w, r)
			}))
			inBubble(t, served, func(t *testing.T, dial func() net.Conn) {
				told, goOn, hijacked = make(chan struct{}), make(chan struct{}), make(chan error, 1)
				got := ask(dial())
				err := <-hijacked
				if got.took = 0; got != tt.want {
					t.Errorf("the client got %+v, want %+v", got, tt.want)
				}
				if (err == nil) != (tt.want.status == 200) {
					t.Errorf("the handler got %v", err)
				}
				synctest.Wait()
				if answered := len(log.Records()) == 1; answered != (tt.want.status == 504) {
					t.Errorf("%d records", len(log.Records()))
				}
			})
		})
	}
}

// TestTimeoutNestedHangUp: to cut a response the inner of two Timeouts hijacks the
// connection, through the outer one, which expires meanwhile.
func TestTimeoutNestedHangUp(t *testing.T) {
	const d = 100 * time.Millisecond
	for _, apart := range []time.Duration{-time.Millisecond, 0, 1, 10 * time.Millisecond} {
		t.Run(fmt.Sprint(apart), func(t *testing.T) {
			var log testkit.Log
			inner := within(d, &log, func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithCancel(r.Context())
				defer cancel()
				io.WriteString(w, "part")
				http.NewResponseController(w).Flush()
				<-ctx.Done()
				inOrder(t, "the request's context", r.Context())
				inOrder(t, "a derived context", ctx)
				if ctx.Err() != context.DeadlineExceeded {
					t.Errorf("ended by %v", ctx.Err())
				}
				time.Sleep(d)
			})
			between := wrapped(func(w http.ResponseWriter) http.ResponseWriter { return slowHijack{w, 20 * time.Millisecond, nil} }, inner)
			h := middleware.Recover(log.Logger())(within(d+apart, &log, between.ServeHTTP))
			inBubble(t, h, func(t *testing.T, dial func() net.Conn) {
				got := ask(dial())
				if got.err == nil || got.status != 200 || got.body != "part" || got.took > d+20*time.Millisecond {
					t.Errorf("the client got %+v, want a part that is seen to be one", got)
				}
			})
			if records := log.Records(); len(records) == 0 || len(records) > 2 {
				t.Errorf("%d records", len(records))
			}
		})
	}
}
