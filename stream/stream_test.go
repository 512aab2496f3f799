package stream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func get(target string) *http.Request { return httptest.NewRequest("GET", target, nil) }

func TestHandler(t *testing.T) {
	h := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		if s.LastEventID() != "41" || s.Request().URL.Path != "/events" {
			t.Errorf("LastEventID %q, path %q", s.LastEventID(), s.Request().URL.Path)
		}
		if err := s.Send(stream.Event{ID: "42", Name: "tick", Data: "a\nb"}, stream.Event{Data: "c"}); err != nil {
			return err
		}
		return s.SendJSON(map[string]string{"html": "<b>"})
	})
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		r := get("/events")
		r.Header.Set("Last-Event-ID", "41")
		resp := tr.Do(t, h, r)
		want := "id: 42\nevent: tick\ndata: a\ndata: b\n\ndata: c\n\n" + `data: {"html":"<b>"}` + "\n\n"
		if got := testkit.Body(t, resp); got != want {
			t.Errorf("body %q, want %q", got, want)
		}
		for name, want := range map[string]string{
			"Content-Type":      "text/event-stream",
			"Cache-Control":     "no-cache, no-transform",
			"X-Accel-Buffering": "no",
			"Content-Length":    "",
		} {
			if got := resp.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
	})
}

func TestHandlerHeaderSetOutside(t *testing.T) {
	h := stream.Handler(stream.Config{}, func(s *stream.Stream) error { return s.Flush() })
	outside := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("Content-Length", "9")
		w.Header().Set("X-Stream", "yes")
		h.ServeHTTP(w, r)
	})
	resp := testkit.HTTP1.Do(t, outside, get("/"))
	if got := resp.Header.Get("X-Stream"); got != "yes" {
		t.Errorf("X-Stream: %q", got)
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control: %q", got)
	}
	if resp.ContentLength != -1 {
		t.Errorf("Content-Length %d survived", resp.ContentLength)
	}
}

// statusError is an error with a status, as any package may define one.
type statusError int

func (e statusError) Error() string         { return "secret" }
func (e statusError) StatusCode() int       { return int(e) }
func (e statusError) PublicMessage() string { return "public" }

func TestHandlerErrors(t *testing.T) {
	boom := errors.New("boom")
	tests := []struct {
		name      string
		fn        func(*stream.Stream) error
		status    int
		body      string // contained in the body
		truncated bool
		logged    int
		why       string
	}{
		{"before the first event", func(*stream.Stream) error { return statusError(404) },
			404, `"detail":"public"`, false, 0, "nothing is out yet: the answer is the error's"},
		{"500 before the first event", func(*stream.Stream) error { return boom },
			500, `"status":500`, false, 1, "one record for a 500"},
		{"after an event", func(s *stream.Stream) error { s.Send(stream.Event{Data: "half"}); return boom },
			200, "data: half\n\n", true, 1, "half a stream must not look whole"},
		{"an event that cannot be encoded", func(s *stream.Stream) error { return s.Send(stream.Event{ID: "a\nb"}) },
			500, `"status":500`, false, 1, "the stream had not begun"},
		{"nil without an event", func(*stream.Stream) error { return nil },
			200, "", false, 0, "no events are a stream too"},
		{"nil", func(s *stream.Stream) error { return s.Send(stream.Event{Data: "all"}) },
			200, "data: all\n\n", false, 0, ""},
		{"a cancelled context of the handler's own", func(s *stream.Stream) error {
			s.Flush()
			return context.Canceled
		}, 200, "", true, 1, "the stream's own context is alive"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				resp := tr.Do(t, stream.Handler(stream.Config{Logger: log.Logger()}, tt.fn), get("/"))
				body, err := io.ReadAll(resp.Body)
				if resp.StatusCode != tt.status || !strings.Contains(string(body), tt.body) {
					t.Errorf("%d %q, want %d %q: %s", resp.StatusCode, body, tt.status, tt.body, tt.why)
				}
				if (err != nil) != tt.truncated {
					t.Errorf("read error %v, want one: %t: %s", err, tt.truncated, tt.why)
				}
				if n := len(log.Records()); n != tt.logged {
					t.Errorf("%d log records, want %d: %s", n, tt.logged, tt.why)
				}
			})
		})
	}
}

func TestStreamHead(t *testing.T) {
	h := hub.New(hub.Config{})
	for name, h := range map[string]http.Handler{
		"Handler": stream.Handler(stream.Config{}, func(*stream.Stream) error { t.Error("the handler ran"); return nil }),
		"SSE": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := stream.SSE(w, r, stream.Config{})
			if s != nil || err == nil {
				t.Errorf("SSE = %v, %v; want an error", s, err)
			}
		}),
		"Hub": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := h.Serve(w, r, hub.Subscription{Topics: []string{"a"}}); err != nil {
				t.Errorf("Serve = %v", err)
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				resp := tr.Do(t, h, httptest.NewRequest("HEAD", "/", nil))
				if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
					t.Errorf("%d %q, want the header of GET", resp.StatusCode, resp.Header.Get("Content-Type"))
				}
			})
		})
	}
}

func TestHandlerForeignWrappers(t *testing.T) {
	for name, wrap := range testkit.Foreign() {
		t.Run(name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				next := make(chan bool)
				var log testkit.Log
				h := wrap(stream.Handler(stream.Config{Logger: log.Logger()}, func(s *stream.Stream) error {
					for range 2 {
						if err := s.Send(stream.Event{Data: "x"}); err != nil {
							return err
						}
						<-next
					}
					return nil
				}))
				if name == "bare" {
					resp := tr.Do(t, h, get("/"))
					if resp.StatusCode != 500 || len(log.Records()) != 1 {
						t.Errorf("%d and %d log records, want a 500 with one", resp.StatusCode, len(log.Records()))
					}
					return
				}
				resp := tr.Do(t, h, get("/"))
				buf := make([]byte, len("data: x\n\n"))
				for range 2 { // each arrives before the next is written
					if _, err := io.ReadFull(resp.Body, buf); err != nil || string(buf) != "data: x\n\n" {
						t.Fatalf("%q, %v", buf, err)
					}
					next <- true
				}
			})
		})
	}
}

// deadline stands for middleware.Timeout.
type deadline struct{ moved time.Duration }

func (d *deadline) Extend(by time.Duration) error  { d.moved = by; return nil }
func (d *deadline) AtLeast(by time.Duration) error { return d.Extend(by) }
func (d *deadline) EndsWithin(time.Duration) bool  { return false }
func (d *deadline) Reading(bool)                   {}

var _ exchange.Extender = (*deadline)(nil)

func TestLimitsLifted(t *testing.T) {
	var d deadline
	w := httptest.NewRecorder()
	outer, ow := response.Wrap(w, get("/"))
	inner, iw := response.Wrap(testkit.Unwrapping{ResponseWriter: ow}, get("/"))
	node, r := exchange.Copy(get("/"), nil)
	node.Set(exchange.Deadline, &d)
	s, err := stream.SSE(iw, r, stream.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(stream.Event{Data: "x"}); err != nil {
		t.Error(err)
	}
	if d.moved >= 0 {
		t.Error("the deadline was not lifted")
	}
	if !outer.Streaming() || !inner.Streaming() {
		t.Error("a layer outside does not know that the response is a stream")
	}
}

func TestStreamServerTimeouts(t *testing.T) {
	// Both deadlines pass while the stream is silent, and again between two events, on
	// HTTP/2 too, where an armed deadline cancels an idle stream.
	testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
		const timeout = 30 * time.Millisecond
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rc := http.NewResponseController(w)
			rc.SetWriteDeadline(time.Now().Add(timeout))
			rc.SetReadDeadline(time.Now().Add(timeout))
			s, err := stream.SSE(w, r, stream.Config{WriteTimeout: timeout})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Flush(); err != nil {
				t.Error(err)
			}
			for range 3 {
				select {
				case <-time.After(2 * timeout):
				case <-s.Context().Done():
					t.Error("the stream was cancelled")
					return
				}
				if err := s.Send(stream.Event{Data: "x"}); err != nil {
					t.Error(err)
				}
			}
		})
		resp := tr.Do(t, h, get("/"))
		if got, want := testkit.Body(t, resp), strings.Repeat("data: x\n\n", 3); got != want {
			t.Errorf("body %q, want %q", got, want)
		}
	})
}

// A stream that ends normally after a line without a blank line after it.
func TestHandlerEndsInsideBlock(t *testing.T) {
	for _, tt := range []struct {
		name   string
		events []stream.Event
		want   string
	}{
		{"nothing", nil, ""},
		{"an event", []stream.Event{{Data: "a"}}, "data: a\n\n"},
		{"a comment", []stream.Event{{Data: "a"}, {Comment: "c"}}, "data: a\n\n: c\n:"},
		{"a retry", []stream.Event{{Retry: time.Second}}, "retry: 1000\n:"},
		{"an event after a comment", []stream.Event{{Comment: "c"}, {Data: "a"}}, ": c\ndata: a\n\n"},
	} {
		w := httptest.NewRecorder()
		stream.Handler(stream.Config{}, func(s *stream.Stream) error {
			for _, e := range tt.events {
				if err := s.Send(e); err != nil {
					return err
				}
			}
			return s.Flush()
		}).ServeHTTP(w, get("/"))
		if got := w.Body.String(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestHandlerHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := httptest.NewRecorder()
		h := stream.Handler(stream.Config{Heartbeat: 10 * time.Second}, func(s *stream.Stream) error {
			time.Sleep(25 * time.Second) // two heartbeats
			s.Send(stream.Event{Data: "a"})
			time.Sleep(9 * time.Second)
			s.Send(stream.Event{Data: "b"}) // resets the wait
			time.Sleep(9 * time.Second)
			s.Send(stream.Event{Data: "c"})
			time.Sleep(11 * time.Second) // one more
			return nil
		})
		h.ServeHTTP(w, get("/"))
		want := ":\n:\ndata: a\n\ndata: b\n\ndata: c\n\n:\n:"
		if got := w.Body.String(); got != want {
			t.Errorf("body %q, want %q", got, want)
		}
		time.Sleep(time.Minute)
		if got := w.Body.String(); got != want {
			t.Error("a heartbeat was written after the handler had returned")
		}
	})
}

// A heartbeat opens the stream: a later error cannot become the response.
func TestHandlerErrorAfterHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			silent time.Duration
			status int
			abort  any
		}{
			{9 * time.Second, 500, nil},
			{11 * time.Second, 200, http.ErrAbortHandler},
		} {
			var log testkit.Log
			w := httptest.NewRecorder()
			h := stream.Handler(stream.Config{Heartbeat: 10 * time.Second, Logger: log.Logger()}, func(*stream.Stream) error {
				time.Sleep(tt.silent)
				return errors.New("out of order")
			})
			func() {
				defer func() {
					if e := recover(); e != tt.abort {
						t.Errorf("after %v: panic %v, want %v", tt.silent, e, tt.abort)
					}
				}()
				h.ServeHTTP(w, get("/"))
			}()
			if w.Code != tt.status || len(log.Records()) != 1 {
				t.Errorf("after %v: %d and %d log records, want %d with one", tt.silent, w.Code, len(log.Records()), tt.status)
			}
		}
	})
}

func TestHandlerUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, first := range map[string]bool{"after an event": true, "before any": false} {
			until, stop := context.WithCancel(t.Context())
			defer stop()
			w := httptest.NewRecorder()
			var log testkit.Log
			h := stream.Handler(stream.Config{Until: until, Logger: log.Logger()}, func(s *stream.Stream) error {
				if first {
					s.Send(stream.Event{Data: "x"})
				}
				<-s.Context().Done()
				if s.Send(stream.Event{Data: "y"}) == nil {
					t.Errorf("%s: Send goes on after the end", name)
				}
				return context.Cause(s.Context())
			})
			done := make(chan bool)
			go func() { defer close(done); h.ServeHTTP(w, get("/")) }()
			synctest.Wait()
			stop()
			<-done
			if w.Code != 200 || w.Header().Get("Content-Type") != "text/event-stream" || len(log.Records()) != 0 {
				t.Errorf("%s: %d %q, %d log records; want a stream that ends in good order",
					name, w.Code, w.Header().Get("Content-Type"), len(log.Records()))
			}
		}
	})
}

func TestNDJSON(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lines, err := stream.NDJSON(w, r, stream.Config{})
		if err != nil {
			t.Error(err)
			return
		}
		if err := lines.Send(func() {}); err == nil {
			t.Error("a func was encoded")
		}
		for _, v := range []any{map[string]string{"text": "a\n<b>"}, 1, nil} {
			if err := lines.Send(v); err != nil {
				t.Error(err)
			}
		}
	})
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, get("/"))
		if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson" {
			t.Errorf("Content-Type: %s", got)
		}
		if got, want := testkit.Body(t, resp), `{"text":"a\n<b>"}`+"\n1\nnull\n"; got != want {
			t.Errorf("body %q, want %q", got, want)
		}
	})
}

// TestHandlerCanceledBeforeOpen: an EventSource gives up for good on a response that is not a
// stream, and reconnects after a dropped connection. A service whose base context ends
// with it must not make it give up.
func TestHandlerCanceledBeforeOpen(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		var log testkit.Log
		h := stream.Handler(stream.Config{Logger: log.Logger()}, func(s *stream.Stream) error { return s.Send(stream.Event{Data: "1"}) })
		client, url := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithCancel(r.Context())
			cancel()
			h.ServeHTTP(w, r.WithContext(ctx))
		}))
		if resp, err := client.Get(url); err == nil {
			resp.Body.Close()
			t.Errorf("answered with %s, of type %q", resp.Status, resp.Header.Get("Content-Type"))
		}
		if len(log.Records()) != 0 {
			t.Errorf("%v", log.Records())
		}
	})
}
