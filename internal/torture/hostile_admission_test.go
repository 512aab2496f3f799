package torture_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// TestHostileAdmission: a request whose body never arrives is not held by a stream that
// rejects it, or that ends before it begins: it gets its response, and is closed, as
// fast as by a handler that uses http.Error.
func TestHostileAdmission(t *testing.T) {
	const readTimeout, writeTimeout = 500 * time.Millisecond, 10 * time.Second
	clients := 40
	if *long {
		clients = 200
	}
	quiet := slog.New(slog.DiscardHandler)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(quiet)
	serve := func(h *hub.Hub, topics ...string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_ = h.Serve(w, r, hub.Subscription{Topics: topics})
		})
	}
	timed := middleware.New(middleware.Config{BodyParser: bodyparser.Config{Raw: true}, MaxDuration: time.Minute, Logger: quiet})
	full := hub.New(hub.Config{MaxSubscribers: 1, Logger: quiet})
	ended := hub.New(hub.Config{Logger: quiet})
	if err := ended.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	severed := hub.New(hub.Config{Backplane: down{}, Logger: quiet})
	defer severed.Shutdown(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	occupy(t, serve(full, "t"))
	cases := []struct {
		name    string
		status  int // 0 is any
		handler http.Handler
	}{
		{"http.Error", 503, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusServiceUnavailable) })},
		{"full hub", 503, serve(full, "t")},
		{"full hub in middleware.New", 503, timed(serve(full, "t"))},
		{"hub, no topics", 500, serve(hub.New(hub.Config{Logger: quiet}))},
		{"hub, shut down", 0, serve(ended, "t")},
		{"hub, backplane that is down", 0, serve(severed, "t")},
		{"stream.Handler, error before the first event", 500, stream.Handler(stream.Config{Logger: quiet}, func(*stream.Stream) error {
			return errors.New("no database")
		})},
		{"stream.Handler, end before the first event", 0, stream.Handler(stream.Config{Logger: quiet}, func(*stream.Stream) error {
			return nil
		})},
		{"stream.Handler that reads the body", 0, stream.Handler(stream.Config{Logger: quiet}, func(s *stream.Stream) error {
			_, err := io.ReadAll(s.Request().Body)
			return err
		})},
		{"stream.Handler that reads the body after an event", 200, stream.Handler(stream.Config{Logger: quiet, Heartbeat: -1}, func(s *stream.Stream) error {
			if err := s.Send(stream.Event{Data: "x"}); err != nil {
				return err
			}
			_, err := io.ReadAll(s.Request().Body)
			return err
		})},
		{"stream.SSE, then http.Error", 503, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := stream.SSE(w, r, stream.Config{Logger: quiet}); err == nil {
				http.Error(w, "no", http.StatusServiceUnavailable)
			}
		})},
		{"stream.NDJSON, then http.Error", 503, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := stream.NDJSON(w, r, stream.Config{Logger: quiet}); err == nil {
				http.Error(w, "no", http.StatusServiceUnavailable)
			}
		})},
	}
	rows := make([]admission, len(cases))
	var running sync.WaitGroup
	for i, c := range cases {
		running.Go(func() {
			t.Run(c.name, func(t *testing.T) {
				var asked atomic.Int64
				s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					asked.Add(1)
					c.handler.ServeHTTP(w, r)
				}))
				s.Config.ReadTimeout, s.Config.WriteTimeout, s.Config.IdleTimeout = readTimeout, writeTimeout, readTimeout
				s.Config.BaseContext = func(net.Listener) context.Context { return ctx }
				s.Config.ErrorLog = slog.NewLogLogger(quiet.Handler(), 0)
				s.Start()
				defer s.Close()
				defer s.CloseClientConnections()
				row := admit(t, s.Listener.Addr().String(), clients, c.status)
				row.asked = int(asked.Load()) // a busy machine may read a request too late
				if row.asked == 0 || row.closed < clients || c.status != 0 && row.answered < row.asked {
					t.Errorf("of %d clients %d were closed; of %d requests %d answered", clients, row.closed, row.asked, row.answered)
				}
				rows[i] = row
			})
		})
	}
	running.Wait()
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "answered by\trequests\tanswered\tclosed\tthe last after")
	for i, c := range cases {
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%v\n", c.name, rows[i].asked, rows[i].answered, rows[i].closed, rows[i].last.Round(10*time.Millisecond))
	}
	w.Flush()
	t.Logf("%d clients each, ReadTimeout %v:\n%s", clients, readTimeout, text.String())
}

// down is an unreachable backplane.
type down struct{ hub.Backplane }

func (down) Bounds(ctx context.Context) (hub.Position, uint64, error) {
	return hub.Position{}, 0, errors.New("connection refused")
}

// occupy adds a subscriber in the same process.
func occupy(t *testing.T, h http.Handler) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 {
		t.Fatalf("the first subscriber: %s", resp.Status)
	}
}

// An admission is the outcome for a number of clients.
type admission struct {
	asked, answered, closed int
	last                    time.Duration // until it was closed
}

// admit makes clients announce a byte that they never send.
func admit(t *testing.T, addr string, clients, status int) (a admission) {
	var mu sync.Mutex
	var waiting sync.WaitGroup
	for range clients {
		waiting.Go(func() {
			conn, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			start := time.Now()
			conn.SetDeadline(start.Add(heldForEver))
			fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n")
			in := bufio.NewReader(conn)
			line, _ := in.ReadString('\n')
			_, err = io.Copy(io.Discard, in)
			var held net.Error
			mu.Lock()
			defer mu.Unlock()
			if strings.HasPrefix(line, "HTTP/1.1 ") {
				a.answered++
				if status != 0 && !strings.HasPrefix(line, fmt.Sprintf("HTTP/1.1 %d ", status)) {
					t.Errorf("answered %q, want %d", line, status)
				}
			}
			if !errors.As(err, &held) || !held.Timeout() {
				a.closed++
				a.last = max(a.last, time.Since(start))
			}
		})
	}
	waiting.Wait()
	return a
}

// heldForEver is twenty times the read timeout of the server.
const heldForEver = 10 * time.Second
