package hub_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

func TestHubHandler(t *testing.T) {
	h := hub.New(hub.Config{})
	start := h.LastEventID()
	publish(t, h, "a", "1")
	publish(t, h, "b", "2")
	publish(t, h, "c", "3")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	client := &slow{flush: func(written string) {
		if _, events, _ := strings.Cut(written, "\n"); strings.Count(events, "data: ") != 2 || strings.Contains(events, "data: 3") {
			t.Errorf("%q, want what is in a and b", written)
		}
		cancel()
	}}
	r := httptest.NewRequestWithContext(ctx, "GET", "/", nil)
	r.Header.Set("Last-Event-ID", start)
	h.Handler("a", "b").ServeHTTP(client, r)
	if client.Header().Get("Content-Type") != "text/event-stream" {
		t.Error("no event stream")
	}
	defer func() {
		if recover() == nil {
			t.Error("a handler without topics")
		}
	}()
	h.Handler()
}

// A page says in the query where to begin, as do clients that cannot set a header; a
// header takes precedence, since it is newer.
func TestHubLastEventIDFromQuery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			cfg           hub.Config
			header, query string
			sub           string
			want          string
			why           string
		}{
			{hub.Config{}, "", "lastEventId=1", "", "2 3", "the query"},
			{hub.Config{}, "", "x=y&lastEventId=1", "2", "2 3", "the query comes before the Subscription"},
			{hub.Config{}, "2", "lastEventId=1", "1", "3", "the header comes first"},
			{hub.Config{}, "", "", "2", "3", "the Subscription"},
			{hub.Config{}, "", "lastEventId=", "2", "3", "an empty one is none"},
			{hub.Config{}, "", "lastEventId=made-up", "", "gap 1 2 3", "validated like the header"},
			{hub.Config{LastEventIDParam: "from"}, "", "lastEventId=1&from=2", "", "3", "another name"},
			{hub.Config{LastEventIDParam: "-"}, "", "lastEventId=1", "", "", "switched off"},
		} {
			h := hub.New(tt.cfg)
			ids := map[string]string{}
			for _, data := range []string{"1", "2", "3"} {
				ids[data] = publish(t, h, "t", data)
			}
			name, value, _ := strings.Cut(tt.query, "lastEventId=")
			query := tt.query
			if id, ok := ids[value]; ok {
				query = name + "lastEventId=" + url.QueryEscape(id)
			}
			query = strings.ReplaceAll(query, "from=2", "from="+ids["2"])
			ctx, cancel := context.WithCancel(t.Context())
			r := httptest.NewRequestWithContext(ctx, "GET", "/?"+query, nil)
			if tt.header != "" {
				r.Header.Set("Last-Event-ID", ids[tt.header])
			}
			var got []string
			client := &slow{flush: func(written string) {
				for e := range stream.NewReader(strings.NewReader(written)).All() {
					if e.Name == hub.GapEvent {
						e.Data = "gap"
					}
					got = append(got, e.Data)
				}
				cancel()
			}}
			if err := h.Serve(client, r, hub.Subscription{Topics: []string{"t"}, LastEventID: ids[tt.sub]}); err != nil {
				t.Error(err)
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("header %q, query %q, Subscription %q: %q, want %q: %s", tt.header, tt.query, tt.sub, got, tt.want, tt.why)
			}
		}
	})
}

// A new client may get all events there are, or the latest of them, and no gap.
func TestSubscriptionHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{MaxHistory: 4})
		publish(t, h, "a", "a1 a2 a3 a4 a5 a6") // the first two are dropped
		publish(t, h, "b", "b7")
		last := publish(t, h, "a", "a8")
		for _, tt := range []struct {
			history     int
			lastEventID string
			want        string
		}{
			{0, "", ""},
			{1, "", "a8"},
			{3, "", "a6 b7 a8"},
			{100, "", "a4 a5 a6 b7 a8"},
			{-1, "", "a4 a5 a6 b7 a8"},
			{-1, last, ""},
		} {
			s := listen(t, h, hub.Subscription{Topics: []string{"a", "b"}, History: tt.history, LastEventID: tt.lastEventID})
			synctest.Wait()
			s.expect(t, strings.Fields(tt.want)...)
			s.leave()
		}
	})
}

func TestHubMaxTopics(t *testing.T) {
	for _, tt := range []struct{ max, topics, status int }{
		{0, 1000, 200}, {0, 1001, 400}, {2, 3, 400}, {-1, 5000, 200},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{MaxTopics: tt.max})
			names := make([]string, tt.topics)
			for i := range names {
				names[i] = fmt.Sprint(i)
			}
			s := listen(t, h, hub.Subscription{Topics: names})
			synctest.Wait()
			if s.status != tt.status {
				t.Errorf("MaxTopics %d, %d topics: %d, want %d", tt.max, tt.topics, s.status, tt.status)
			}
			s.leave()
			if n := h.Stats().Topics; n != 0 {
				t.Errorf("%d topics are left", n)
			}
		})
	}
}

// A stream begins with fields of the first event, and without a block of its own unless
// configured.
func TestHubPositionBlocks(t *testing.T) {
	for _, blocks := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{Retry: -1, Heartbeat: time.Second, PositionBlocks: blocks})
			at := h.LastEventID()
			s := listen(t, h, hub.Subscription{Topics: []string{"t"}})
			synctest.Wait()
			moved := publish(t, h, "other", "x")
			time.Sleep(1500 * time.Millisecond)
			last := publish(t, h, "t", "1")
			time.Sleep(1500 * time.Millisecond)
			s.leave()
			want := "id: " + at + "\n:\nid: " + last + "\ndata: 1\n\n:\n:"
			if blocks {
				want = "id: " + at + "\n\nid: " + moved + "\n\nid: " + last + "\ndata: 1\n\n:\n:"
			}
			if got := s.flushed.String(); got != want {
				t.Errorf("PositionBlocks %t: %q, want %q", blocks, got, want)
			}
		})
	}
}

// Refused clients get a response within the limits of the server, and hold nothing,
// whatever they fail to send.
func TestHubRefusedHoldNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	quiet := func(w http.ResponseWriter, r *http.Request, err error) { w.WriteHeader(http.StatusServiceUnavailable) }
	full := hub.New(hub.Config{MaxSubscribers: 1, OnError: quiet})
	go full.Serve(&discard{}, httptest.NewRequestWithContext(ctx, "GET", "/", nil), hub.Subscription{Topics: []string{"t"}})
	for full.Stats().Subscribers == 0 {
		time.Sleep(time.Millisecond)
	}
	server := httptest.NewUnstartedServer(full.Handler("t"))
	server.Config.ReadTimeout = 200 * time.Millisecond
	server.Start()
	defer server.Close()
	const connections = 50
	ended := make(chan string, connections)
	for range connections {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n") // the byte never comes
		go func() {
			in := bufio.NewReader(conn)
			line, _ := in.ReadString('\n')
			io.Copy(io.Discard, in)
			ended <- line
		}()
	}
	for range connections {
		if line := testkit.Soon(t, ended, "a refused connection is held"); !strings.Contains(line, "503") {
			t.Errorf("%q, want 503", line)
		}
	}
}

// Clients that wait for a backplane count, and are refused within the limits of the
// server.
func TestHubMaxSubscribersCountsWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := new(flaky)
		log.down.Store(true)
		h := hub.New(hub.Config{Backplane: log, MaxSubscribers: 2, MaxPerClient: 1, Logger: new(testkit.Log).Logger()})
		defer h.Shutdown(t.Context())
		waiting := []*sink{
			listen(t, h, as("ann", "t")),
			listen(t, h, as("bob", "t")),
		}
		synctest.Wait()
		if n := h.Stats().Subscribers; n != 2 {
			t.Errorf("%d subscribers, want those that wait", n)
		}
		for _, client := range []string{"ann", "eve"} {
			s := listen(t, h, as(client, "t"))
			synctest.Wait()
			if s.status != http.StatusServiceUnavailable || s.err == nil {
				t.Errorf("%s: %d, %v", client, s.status, s.err)
			}
		}
		time.Sleep(6 * time.Second)
		for _, s := range waiting {
			<-s.done
			if s.status != http.StatusServiceUnavailable {
				t.Errorf("%d, want 503 from a hub whose backplane is down", s.status)
			}
		}
		if n := h.Stats().Subscribers; n != 0 {
			t.Errorf("%d subscribers are left", n)
		}
	})
}

// A new client receives no event older than itself while a hub reads a new log.
func TestReplayDuringRefill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &filling{}
		log.Store("e1", 3)
		h := hub.New(hub.Config{Backplane: log, Logger: new(testkit.Log).Logger()})
		defer h.Shutdown(t.Context())
		time.Sleep(time.Second)
		log.Store("e2", 100)
		time.Sleep(200 * time.Millisecond) // the hub is at about the tenth
		s := listen(t, h, hub.Subscription{Topics: []string{"t"}})
		id := h.LastEventID()
		time.Sleep(10 * time.Second)
		s.expect(t)
		if id != "e2-100" {
			t.Errorf("a page that is rendered meanwhile begins at %q", id)
		}
	})
}

// A stream that ends normally after a heartbeat ends in a comment: go-sse would not
// reconnect otherwise.
func TestHubEndAfterHeartbeat(t *testing.T) {
	for name, end := range map[string]func(h *hub.Hub, s *sink){
		"MaxAge":   func(*hub.Hub, *sink) { time.Sleep(time.Minute) },
		"Shutdown": func(h *hub.Hub, _ *sink) { h.Shutdown(context.Background()) },
		"context":  func(_ *hub.Hub, s *sink) { s.cancel() },
	} {
		synctest.Test(t, func(t *testing.T) {
			h := hub.New(hub.Config{Heartbeat: 10 * time.Second, MaxAge: 15 * time.Second})
			s := listen(t, h, hub.Subscription{Topics: []string{"t"}})
			time.Sleep(11 * time.Second)
			end(h, s)
			<-s.done
			if got := s.text(); s.err != nil || got != ":\n:" {
				t.Errorf("%s: %q, %v", name, got, s.err)
			}
			quiet := hub.New(hub.Config{MaxAge: 5 * time.Second})
			s = listen(t, quiet, hub.Subscription{Topics: []string{"t"}})
			synctest.Wait()
			publish(t, quiet, "t", "x")
			time.Sleep(time.Minute)
			if got := s.text(); !strings.HasSuffix(got, "data: x\n\n") {
				t.Errorf("%s: %q without a heartbeat", name, got)
			}
		})
	}
}
