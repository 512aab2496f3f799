package stream_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/apiece/apiece/internal/respw"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// relay returns a handler that passes on what upstream sends.
func relay(client *http.Client, upstream string) http.Handler {
	return stream.Handler(stream.Config{Logger: new(testkit.Log).Logger()}, func(s *stream.Stream) error {
		r, err := http.NewRequestWithContext(s.Context(), "GET", upstream, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(r)
		if err != nil {
			return err
		}
		return s.Relay(resp.Body)
	})
}

func TestRelay(t *testing.T) {
	const sent = ": comment\n\ndata: a\n\nid: 7\nevent: x\ndata: b\ndata: c\n\ndata\n\n"
	const want = "data: a\n\nid: 7\nevent: x\ndata: b\ndata: c\n\nid: 7\nevent: message\ndata: \n\n"
	tests := []struct {
		name  string
		then  func(http.ResponseWriter, *http.Request)
		whole bool
		why   string
	}{
		{"whole", func(http.ResponseWriter, *http.Request) {}, true, "it ends as the other does"},
		{"broken off", respw.Abort, false, "half an answer must not look whole"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				client, upstream := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.WriteString(w, sent)
					http.NewResponseController(w).Flush()
					tt.then(w, r)
				}))
				resp := tr.Do(t, relay(client, upstream), get("/"))
				body, err := io.ReadAll(resp.Body)
				if string(body) != want || (err == nil) != tt.whole {
					t.Errorf("%q, %v; want %q, %s", body, err, want, tt.why)
				}
			})
		})
	}
}

func TestRelayedFields(t *testing.T) {
	for _, tt := range []struct{ sent, want, why string }{
		{"id:\t 5 \t\ndata: a\n\ndata: b\n\n", "id: 5\ndata: a\n\nid: 5\ndata: b\n\n", "Send would refuse the id"},
		{"id: 5 6\ndata: a\n\n", "id: 5 6\ndata: a\n\n", "what is inside comes back"},
		{"id:   \ndata: a\n\n", "data: a\n\n", "an id of whitespace is none"},
		{"retry: 5\ndata: a\n\n", "data: a\n\n", "that is not theirs to say"},
	} {
		w := httptest.NewRecorder()
		stream.Handler(stream.Config{}, func(s *stream.Stream) error {
			return s.Relay(io.NopCloser(strings.NewReader(tt.sent)))
		}).ServeHTTP(w, get("/"))
		if got := w.Body.String(); got != tt.want {
			t.Errorf("%q is relayed as %q, want %q: %s", tt.sent, got, tt.want, tt.why)
		}
	}
}

func TestRelayIsCancelled(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		cancelled := make(chan bool)
		upstreamClient, upstream := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "data: a\n\n")
			http.NewResponseController(w).Flush()
			<-r.Context().Done() // thinks for ever
			close(cancelled)
		}))
		client, url := tr.Serve(t, relay(upstreamClient, upstream))
		ctx, leave := context.WithCancel(t.Context())
		r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, len("data: a\n\n"))); err != nil {
			t.Fatal(err)
		}
		leave()
		resp.Body.Close()
		testkit.Soon(t, cancelled, "the request to the other server goes on")
	})
}

// A source that knows nothing of contexts is closed as well.
func TestRelayClosesItsSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		src, w := io.Pipe()
		h := stream.Handler(stream.Config{}, func(s *stream.Stream) error { return s.Relay(src) })
		done := make(chan bool)
		go func() {
			defer close(done)
			h.ServeHTTP(&discard{}, get("/").WithContext(ctx))
		}()
		io.WriteString(w, "data: a\n\n")
		synctest.Wait() // it is sent, and Relay waits for the next
		leave()
		synctest.Wait()
		select {
		case <-done:
		default:
			t.Error("Relay waits for a source that nobody reads any more")
			w.Close()
		}
	})
}

// A goroutine that outlives the handler gets errors, not somebody else's
// response.
func TestSendAfterTheHandler(t *testing.T) {
	var kept *stream.Stream
	w := &discard{}
	stream.Handler(stream.Config{}, func(s *stream.Stream) error { kept = s; return nil }).ServeHTTP(w, get("/"))
	before := w.writes
	if err := kept.Send(stream.Event{Data: "late"}); err == nil || !strings.Contains(err.Error(), "after the handler returned") {
		t.Errorf("Send = %v", err)
	}
	if w.writes != before {
		t.Error("it was written")
	}
}

func TestConcurrentSend(t *testing.T) {
	const senders, each = 8, 200
	h := stream.Handler(stream.Config{Heartbeat: 1}, func(s *stream.Stream) error {
		done := make(chan error, senders)
		for range senders {
			go func() {
				for range each {
					if err := s.Send(stream.Event{ID: "1", Data: "one\ntwo"}, stream.Event{Data: "three"}); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
		}
		for range senders {
			if err := <-done; err != nil {
				return err
			}
		}
		return nil
	})
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		resp := tr.Do(t, h, get("/"))
		n := 0
		for e, err := range stream.NewReader(resp.Body).All() {
			if err != nil {
				t.Fatal(err)
			}
			if want := []string{"one\ntwo", "three"}[n%2]; e.Data != want {
				t.Fatalf("event %d is %q, want %q: the events of one Send stay together", n, e.Data, want)
			}
			n++
		}
		if n != 2*senders*each {
			t.Errorf("%d events, want %d", n, 2*senders*each)
		}
	})
}
