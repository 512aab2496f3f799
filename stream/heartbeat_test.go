package stream_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

// TestSSEHeartbeat: SSE and NDJSON send heartbeats if configured, before the first event
// too, and none after Close.
func TestSSEHeartbeat(t *testing.T) {
	for name, want := range map[string]string{
		"SSE":    ":\n:\ndata: \"a\"\n\n:\n",
		"NDJSON": "  \"a\"\n ",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := httptest.NewRecorder()
			cfg := stream.Config{Heartbeat: 10 * time.Second}
			send, end := (func(any) error)(nil), (func())(nil)
			if name == "SSE" {
				s, err := stream.SSE(w, get("/"), cfg)
				if err != nil {
					t.Fatal(err)
				}
				send, end = s.SendJSON, s.Close
			} else {
				l, err := stream.NDJSON(w, get("/"), cfg)
				if err != nil {
					t.Fatal(err)
				}
				send, end = l.Send, l.Close
			}
			time.Sleep(25 * time.Second)
			if err := send("a"); err != nil {
				t.Error(err)
			}
			time.Sleep(11 * time.Second)
			end()
			end()
			time.Sleep(time.Hour)
			if got := w.Body.String(); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
			if err := send("b"); err == nil {
				t.Errorf("%s: sent after Close", name)
			}
		})
	}
}

// TestStreamCloseSendsNothing: after Close the response is the handler's, if none was begun.
func TestStreamCloseSendsNothing(t *testing.T) {
	h := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		s, err := stream.SSE(w, r, stream.Config{Heartbeat: time.Minute})
		if err != nil {
			return err
		}
		defer s.Close()
		return reply.NewError(404, "no such stream")
	})
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, get("/"))
		if body := testkit.Body(t, resp); resp.StatusCode != 404 || !strings.Contains(body, "no such stream") {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
	})
}

// TestHeartbeatReadsAsNothing: readers that split at line breaks or blank lines see the
// same with heartbeats as without, between and inside of events.
func TestHeartbeatReadsAsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		events, lines := httptest.NewRecorder(), httptest.NewRecorder()
		s, err := stream.SSE(events, get("/"), stream.Config{Heartbeat: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		l, err := stream.NDJSON(lines, get("/"), stream.Config{Heartbeat: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			time.Sleep(2500 * time.Millisecond)
			if err := errors.Join(s.Send(stream.Event{ID: "1", Data: "x"}), l.Send("x")); err != nil {
				t.Error(err)
			}
		}
		s.Close()
		l.Close()
		for block := range strings.SplitSeq(events.Body.String(), "\n\n") {
			if block != "" && !strings.Contains("\n"+block, "\ndata: x") {
				t.Errorf("a block without data: %q", block)
			}
		}
		if strings.Count(events.Body.String(), ":\n") != 6 || strings.Count(lines.Body.String(), " ") != 6 {
			t.Errorf("heartbeats are missing: %q %q", events.Body, lines.Body)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(lines.Body.String(), "\n"), "\n") {
			var v string
			if err := json.Unmarshal([]byte(line), &v); err != nil || v != "x" {
				t.Errorf("%q: %v", line, err)
			}
		}
	})
}

// TestHandlerErrStop: an EventSource gets 204 as long as that can be sent.
func TestHandlerErrStop(t *testing.T) {
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		for _, open := range []bool{false, true} {
			var log testkit.Log
			h := stream.Handler(stream.Config{Logger: log.Logger()}, func(s *stream.Stream) error {
				if open {
					s.Send(stream.Event{Data: "last"})
				}
				return errors.Join(errors.New("wrapped"), stream.ErrStop)
			})
			resp := tr.Do(t, h, get("/"))
			body, want := testkit.Body(t, resp), 204
			if open {
				want = 200
			}
			if resp.StatusCode != want || (body == "data: last\n\n") != open || resp.Header.Get("Content-Type") != "" && !open {
				t.Errorf("open %t: %d %v %q", open, resp.StatusCode, resp.Header, body)
			}
			if !open && resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control: %q", resp.Header.Get("Cache-Control"))
			}
			if n := len(log.Records()); n != 0 {
				t.Errorf("%d records", n)
			}
		}
	})
}

// TestStreamLastEventID: header before query, and only valid ids.
func TestStreamLastEventID(t *testing.T) {
	for _, tt := range []struct{ header, query, param, want string }{
		{"", "", "", ""},
		{"7", "", "", "7"},
		{"", "lastEventId=7", "", "7"},
		{"7", "lastEventId=6", "", "7"},
		{"", "a=1&lastEventId=7&lastEventId=8", "", "7"},
		{"", "Last-Event-ID=7", "", ""},
		{"", "Last-Event-ID=7&lastEventId=8", "Last-Event-ID", "7"},
		{"", "lastEventId=7", "since", ""},
		{"", "lastEventId=7", "-", ""},
		{"7", "", "-", "7"},
		{"", "-=7", "-", ""},
		{"", "lastEventId=%0A7", "", ""},
		{"", "lastEventId=7%0D", "", ""},
		{"", "lastEventId=7%00", "", ""},
		{"", "lastEventId=%207%09", "", "7"},
		{"", "lastEventId=7;8", "", ""}, // which url.ParseQuery refuses
		{"", "lastEventId=%E2%98%83", "", "☃"},
		{" ", "lastEventId=7", "", "7"},
	} {
		r := get("/?" + tt.query)
		if tt.header != "" {
			r.Header.Set("Last-Event-ID", tt.header)
		}
		got := ""
		stream.Handler(stream.Config{LastEventIDParam: tt.param}, func(s *stream.Stream) error {
			got = s.LastEventID()
			return s.Send(stream.Event{ID: got, Data: "what comes back can be sent"})
		}).ServeHTTP(httptest.NewRecorder(), r)
		if got != tt.want {
			t.Errorf("%q and %q, named %q: %q, want %q", tt.header, tt.query, tt.param, got, tt.want)
		}
	}
}

// TestLinesFail: the last line of a failed stream reports the error as the response would
// have.
func TestLinesFail(t *testing.T) {
	boom := errors.New("boom")
	for _, tt := range []struct {
		name      string
		send      bool
		err       error
		status    int
		body      string
		truncated bool
		logged    int
	}{
		{"before the first line", false, statusError(404), 404, `{"title":"Not Found","status":404,"detail":"public"}`, false, 0},
		{"before the first line, ours", false, boom, 500, `{"title":"Internal Server Error","status":500}`, false, 1},
		{"after a line", true, statusError(409), 200, "1\n" + `{"error":{"title":"Conflict","status":409,"detail":"public"}}` + "\n", false, 0},
		{"after a line, ours", true, boom, 200, "1\n" + `{"error":{"title":"Internal Server Error","status":500}}` + "\n", false, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				h := reply.Handler(func(w http.ResponseWriter, r *http.Request) error {
					l, err := stream.NDJSON(w, r, stream.Config{Logger: log.Logger(), Heartbeat: time.Minute})
					if err != nil {
						return err
					}
					defer l.Close()
					if tt.send {
						if err := l.Send(1); err != nil {
							return err
						}
					}
					err = l.Fail(tt.err)
					if !errors.Is(err, tt.err) || l.Send(2) == nil {
						t.Errorf("Fail: %v, and more can be sent", err)
					}
					return err
				}, nil)
				resp := tr.Do(t, h, get("/"))
				body, err := io.ReadAll(resp.Body)
				if resp.StatusCode != tt.status || string(body) != tt.body || err != nil {
					t.Errorf("%d %s, %v; want %d %s", resp.StatusCode, body, err, tt.status, tt.body)
				}
				if n := len(log.Records()); n != tt.logged {
					t.Errorf("%d records, want %d", n, tt.logged)
				}
				last := body[bytes.LastIndexByte(bytes.TrimSpace(body), '\n')+1:]
				if !json.Valid(last) || bytes.Contains(body, []byte("boom")) || bytes.Contains(body, []byte("secret")) {
					t.Errorf("last line %q", last)
				}
			})
		})
	}
}

// TestLinesFailClientGone: a client that is gone is not logged.
func TestLinesFailClientGone(t *testing.T) {
	var log testkit.Log
	l, err := stream.NDJSON(broken{httptest.NewRecorder()}, get("/"), stream.Config{Logger: log.Logger()})
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Flush()
	err = l.Fail(errors.New("boom"))
	var gone interface{ ClientGone() bool }
	if !errors.As(err, &gone) || len(log.Records()) != 0 {
		t.Errorf("%v, %d records", err, len(log.Records()))
	}
}

type broken struct{ *httptest.ResponseRecorder }

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// TestHeartbeatRaces: what a handler does while a heartbeat opens the stream comes before
// it or after it. The race detector checks that.
func TestHeartbeatRaces(t *testing.T) {
	for name, act := range map[string]func(s *stream.Stream) error{
		"nothing":  func(*stream.Stream) error { return nil },
		"an event": func(s *stream.Stream) error { return s.Send(stream.Event{Data: "x"}) },
		"a flush":  func(s *stream.Stream) error { return s.Flush() },
		"an error": func(*stream.Stream) error { return statusError(404) },
		"the end":  func(*stream.Stream) error { return stream.ErrStop },
	} {
		h := stream.Handler(stream.Config{
			Heartbeat: time.Second,
			OnError: func(w http.ResponseWriter, _ *http.Request, err error) {
				w.Header().Set("X-Error", "yes")
				w.WriteHeader(404)
			},
		}, func(s *stream.Stream) error {
			time.Sleep(time.Second)
			return act(s)
		})
		for range 50 {
			synctest.Test(t, func(t *testing.T) {
				w := httptest.NewRecorder()
				w.Header().Set("X-Outside", "yes")
				cut := func() (v any) {
					defer func() { v = recover() }()
					h.ServeHTTP(w, get("/"))
					return nil
				}()
				w.Header().Set("X-Late", "yes")
				time.Sleep(time.Hour)
				resp := w.Result()
				opened := resp.Header.Get("Content-Type") == "text/event-stream"
				ok := opened && resp.StatusCode == 200 && resp.Header.Get("X-Error") == "" && (cut != nil) == (name == "an error")
				if !opened {
					ok = name == "an error" && resp.StatusCode == 404 && resp.Header.Get("X-Error") == "yes" || name == "the end" && resp.StatusCode == 204
				}
				if !ok || resp.Header.Get("X-Outside") != "yes" || resp.Header.Get("X-Late") != "" {
					t.Errorf("%s: %d %v %q, cut by %v", name, resp.StatusCode, resp.Header, w.Body, cut)
				}
			})
		}
	}
}
