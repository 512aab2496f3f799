package stream_test

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
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// TestStreamUnreadBody: a client that never sends the byte it has announced gets a
// response and a closed connection within the limits of the server, as from any other
// handler, unless a stream begins within them.
func TestStreamUnreadBody(t *testing.T) {
	const clients, limit = 200, time.Second
	denied := errors.New("denied")
	quiet := new(testkit.Log).Logger()
	for _, tt := range []struct {
		name    string
		status  int // 0 is a closed connection, as net/http takes the client for gone
		handler http.Handler
	}{
		{"http.Error", 403, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) })},
		{"Handler, an error", 500, stream.Handler(stream.Config{Logger: quiet}, func(*stream.Stream) error { return denied })},
		{"Handler, a refusal", 404, stream.Handler(stream.Config{}, func(*stream.Stream) error { return statusError(404) })},
		{"Handler, no bound for a write", 404, stream.Handler(stream.Config{WriteTimeout: -1}, func(*stream.Stream) error { return statusError(404) })},
		{"Handler, stop", 204, stream.Handler(stream.Config{}, func(*stream.Stream) error { return stream.ErrStop })},
		{"Handler that reads the body", 0, stream.Handler(stream.Config{Heartbeat: -1, Logger: quiet}, func(s *stream.Stream) error {
			_, err := io.ReadAll(s.Request().Body)
			return err
		})},
		{"SSE, then http.Error", 403, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := stream.SSE(w, r, stream.Config{}); err != nil {
				t.Error(err)
			}
			http.Error(w, "no", http.StatusForbidden)
		})},
		{"SSE with heartbeats, then http.Error", 403, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := stream.SSE(w, r, stream.Config{Heartbeat: time.Minute})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			http.Error(w, "no", http.StatusForbidden)
		})},
		{"NDJSON, then Fail", 404, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			l, err := stream.NDJSON(w, r, stream.Config{WriteTimeout: -1})
			if err != nil {
				t.Error(err)
				return
			}
			_ = l.Fail(statusError(404))
		})},
		{"Relay of a refusal", 503, stream.Handler(stream.Config{Logger: quiet}, func(s *stream.Stream) error {
			resp := upstream(strings.NewReader("{}"))
			resp.StatusCode = 429
			return s.Relay(resp, stream.RelayConfig{})
		})},
		{"a stream", 200, stream.Handler(stream.Config{WriteTimeout: -1}, func(s *stream.Stream) error { return s.Send(stream.Event{Data: "1"}) })},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := &http.Server{Handler: tt.handler, ReadTimeout: limit, WriteTimeout: 2 * limit, IdleTimeout: limit}
			testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
				start := time.Now()
				answers := make(chan string, clients)
				for range clients {
					conn := dial()
					go func() {
						fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
						answer, err := io.ReadAll(conn)
						if err != nil {
							t.Error(err)
						}
						answers <- string(answer)
					}()
				}
				for range clients {
					if answer := <-answers; tt.status > 0 && !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", tt.status)) {
						t.Errorf("%.200q, want %d", answer, tt.status)
					}
				}
				// net/http lingers for half a second on a connection whose request it has
				// not fully read.
				if took := time.Since(start); took > limit+time.Second {
					t.Errorf("the last was answered and closed after %v", took)
				}
			})
		})
	}
}

// TestHubFullUnreadBody is TestStreamUnreadBody for a hub without room.
func TestHubFullUnreadBody(t *testing.T) {
	const clients, limit = 200, time.Second
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // each 503 is logged
	var full *hub.Hub
	server := &http.Server{ReadTimeout: limit, WriteTimeout: 2 * limit, IdleTimeout: limit, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		full.Serve(w, r, hub.Subscription{Topics: []string{"t"}})
	})}
	testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
		full = hub.New(hub.Config{MaxSubscribers: 1})
		defer full.Shutdown(t.Context())
		first := dial()
		fmt.Fprint(first, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if line, err := bufio.NewReader(first).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
			t.Fatal(line, err)
		}
		start := time.Now()
		answers := make(chan string, clients)
		for range clients {
			conn := dial()
			go func() {
				fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
				answer, _ := io.ReadAll(conn)
				answers <- string(answer)
			}()
		}
		for range clients {
			if answer := <-answers; !strings.HasPrefix(answer, "HTTP/1.1 503 ") {
				t.Errorf("%.200q", answer)
			}
		}
		if took := time.Since(start); took > limit+time.Second {
			t.Errorf("the last was answered and closed after %v", took)
		}
	})
}

// TestStreamUnreadBodyNoReadTimeout: on a server without limits it does not hold a stream
// forever either: net/http reads the rest of the request before it sends a header.
func TestStreamUnreadBodyNoReadTimeout(t *testing.T) {
	for _, timeout := range []time.Duration{0, -1} {
		h := stream.Handler(stream.Config{WriteTimeout: timeout}, func(s *stream.Stream) error { return s.Flush() })
		testkit.InBubble(t, &http.Server{Handler: h}, func(t *testing.T, dial func() net.Conn) {
			start := time.Now()
			conn := dial()
			fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n")
			_, err := io.ReadAll(conn)
			if took := time.Since(start); err != nil || took > 11*time.Second {
				t.Errorf("WriteTimeout %v: %v after %v", timeout, err, took)
			}
		})
	}
}

// limited is a middleware.Timeout as streams see it.
type limited struct {
	after  time.Duration
	lifted bool
}

func (l *limited) Extend(by time.Duration) error    { l.lifted = by < 0; return nil }
func (l *limited) AtLeast(by time.Duration) error   { return l.Extend(by) }
func (l *limited) EndsWithin(by time.Duration) bool { return !l.lifted && l.after <= by }
func (l *limited) Reading(bool)                     {}

var _ exchange.Extender = (*limited)(nil)

func (l *limited) over(r *http.Request) *http.Request { return limitedBy(r, l) }

func limitedBy(r *http.Request, l *limited) *http.Request {
	node, r := exchange.Copy(r, nil)
	node.Set(exchange.Deadline, l)
	return r
}

// TestLimitsLiftedByFirstWrite: nothing is lifted before there is a stream.
func TestLimitsLiftedByFirstWrite(t *testing.T) {
	for name, first := range map[string]func(*stream.Stream) error{
		"Flush":    (*stream.Stream).Flush,
		"Send":     func(s *stream.Stream) error { return s.Send(stream.Event{Data: "1"}) },
		"SendJSON": func(s *stream.Stream) error { return s.SendJSON(1) },
		"Relay":    func(s *stream.Stream) error { return s.Relay(upstream(strings.NewReader("")), stream.RelayConfig{}) },
	} {
		w, l := &deadlines{ResponseRecorder: httptest.NewRecorder()}, &limited{after: time.Minute}
		s, err := stream.SSE(w, l.over(get("/")), stream.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Encode(stream.Event{ID: "\n"}); err == nil || s.Send(stream.Event{ID: "\n"}) == nil {
			t.Error("an id with a line break")
		}
		if l.lifted || w.reads+w.writes > 0 {
			t.Errorf("%s: lifted before the first write", name)
		}
		if err := first(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !l.lifted || w.writes == 0 {
			t.Errorf("%s: not lifted by the first write", name)
		}
	}
}

// deadlines counts how often a deadline was set.
type deadlines struct {
	*httptest.ResponseRecorder
	reads, writes int
	write         time.Time
}

func (w *deadlines) SetReadDeadline(time.Time) error { w.reads++; return nil }
func (w *deadlines) SetWriteDeadline(t time.Time) error {
	w.writes++
	w.write = t
	return nil
}

// TestHandlerHeartbeatBeforeTimeout: a silent Handler opens its stream before a Timeout or the
// server would end the response.
func TestHandlerHeartbeatBeforeTimeout(t *testing.T) {
	for _, tt := range []struct {
		limit, write, heartbeat, want time.Duration // 0 is never
		proto                         int
	}{
		{time.Hour, 0, 0, 15 * time.Second, 1},
		{40 * time.Second, 0, 0, 15 * time.Second, 1},
		{10 * time.Second, 0, 0, 3750 * time.Millisecond, 1},
		{time.Second, 0, 10 * time.Second, 312500 * time.Microsecond, 1},
		{time.Second, 0, -1, 0, 1},
		{time.Hour, 10 * time.Second, 0, 15 * time.Second, 1},
		{time.Hour, 10 * time.Second, 0, 5 * time.Second, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := (&limited{after: tt.limit}).over(get("/"))
			r.ProtoMajor = tt.proto
			r = r.WithContext(withServer(r, &http.Server{WriteTimeout: tt.write}))
			w := &watched{ResponseRecorder: httptest.NewRecorder()}
			h := stream.Handler(stream.Config{Heartbeat: tt.heartbeat}, func(*stream.Stream) error {
				time.Sleep(tt.want - 1)
				synctest.Wait()
				if w.text() != "" {
					t.Errorf("%+v: too soon", tt)
				}
				time.Sleep(time.Nanosecond)
				synctest.Wait()
				if tt.want == 0 {
					time.Sleep(time.Hour)
				}
				if open := w.text() == ":\n"; open != (tt.want > 0) {
					t.Errorf("%+v: %q", tt, w.text())
				}
				return nil
			})
			h.ServeHTTP(w, r)
		})
	}
}

// watched is a recorder whose body can be read while a heartbeat may be written.
type watched struct {
	*httptest.ResponseRecorder
	mu sync.Mutex
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ResponseRecorder.Write(p)
}

func (w *watched) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.Body.String()
}

// TestWriteDeadline: a write deadline is moved only when too little of it is left, is
// never too short, and is in force at the end. On HTTP/2 it is cleared after each write.
func TestWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const timeout = 32 * time.Second
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		left := func() time.Duration { return time.Until(w.write) }
		send := func(s *stream.Stream) {
			if err := s.Send(stream.Event{Data: "1"}); err != nil {
				t.Error(err)
			}
			if left() < timeout || left() > timeout+timeout/32 {
				t.Errorf("%v left", left())
			}
		}
		stream.Handler(stream.Config{WriteTimeout: timeout, Heartbeat: -1}, func(s *stream.Stream) error {
			for range 10 {
				send(s)
			}
			if w.writes != 1 {
				t.Errorf("set %d times for 10 events", w.writes)
			}
			for range 100 {
				time.Sleep(timeout / 100)
				send(s)
			}
			if w.writes > 40 {
				t.Errorf("set %d times for 100 events in %v", w.writes, timeout)
			}
			time.Sleep(10 * timeout) // the stream is over, and nothing is written
			return nil
		}).ServeHTTP(w, get("/"))
		if left() < timeout {
			t.Errorf("%v left for the end", left())
		}

		w.writes = 0
		r := get("/")
		r.ProtoMajor = 2
		stream.Handler(stream.Config{WriteTimeout: timeout}, func(s *stream.Stream) error { return s.Flush() }).ServeHTTP(w, r)
		if w.writes != 2 || !w.write.IsZero() {
			t.Errorf("HTTP/2: set %d times, at last to %v", w.writes, w.write)
		}
	})
}

// TestWriteDeadlineNoWriteTimeout: without one the first write lifts the deadline of the
// server, which is restored for the end.
func TestWriteDeadlineNoWriteTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
		r := get("/")
		r = r.WithContext(withServer(r, &http.Server{WriteTimeout: time.Minute}))
		stream.Handler(stream.Config{WriteTimeout: -1}, func(s *stream.Stream) error {
			for range 3 {
				if err := s.Send(stream.Event{Data: "1"}); err != nil || !w.write.IsZero() || w.writes != 1 {
					t.Errorf("%v, set %d times, to %v", err, w.writes, w.write)
				}
			}
			return nil
		}).ServeHTTP(w, r)
		if left := time.Until(w.write); left != time.Minute {
			t.Errorf("%v left for the end", left)
		}
	})
}

// TestStreamSilent: an open stream outlives every deadline of the server, read and write,
// even if the request has a body.
func TestStreamSilent(t *testing.T) {
	h := stream.Handler(stream.Config{Heartbeat: -1}, func(s *stream.Stream) error {
		body, err := io.ReadAll(s.Request().Body)
		if err != nil {
			return err
		}
		if err := s.Flush(); err != nil {
			return err
		}
		select {
		case <-time.After(time.Hour):
		case <-s.Context().Done():
			t.Error("the stream was canceled")
		}
		return s.Send(stream.Event{Data: string(body)})
	})
	server := &http.Server{Handler: h, ReadTimeout: time.Second, ReadHeaderTimeout: time.Second, WriteTimeout: time.Second, IdleTimeout: time.Second}
	testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
		conn := dial()
		for _, body := range []string{"", "body"} {
			fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := testkit.Body(t, resp), strings.TrimRight("data: "+body, " ")+"\n\n"; got != want && body != "" {
				t.Errorf("%q, want %q", got, want)
			}
		}
	})
}

func withServer(r *http.Request, server *http.Server) context.Context {
	return context.WithValue(r.Context(), http.ServerContextKey, server)
}
