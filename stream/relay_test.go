package stream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/response"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// relay returns a handler that relays the events of upstream.
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
		return s.Relay(resp, stream.RelayConfig{})
	})
}

// upstream is the response of another server.
func upstream(body io.Reader) *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: io.NopCloser(body)}
}

func TestRelay(t *testing.T) {
	const sent = ": comment\n\ndata: a\n\nid: 7\nevent: x\ndata: b\ndata: c\n\ndata\n\n"
	const want = "data: a\n\nid: 7\nevent: x\ndata: b\ndata: c\n\ndata: \n\n"
	tests := []struct {
		name  string
		then  func(http.ResponseWriter, *http.Request)
		whole bool
		why   string
	}{
		{"whole", func(http.ResponseWriter, *http.Request) {}, true, "it ends as the other does"},
		{"broken off", response.Abort, false, "half an answer must not look whole"},
		{"inside an event", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "data: half\n") }, false, "no client would take that for an event"},
		{"inside a line", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "dat") }, false, "no client would take that for an event"},
		{"inside a large event", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "data: "+strings.Repeat("x", 1<<20))
		}, false, "a part of it was sent"},
		{"inside a heartbeat", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, ":") }, true, "a hub ends so"},
		{"after a heartbeat", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, ":\n") }, true, "a comment is no part of an event"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				client, upstream := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "Text/Event-Stream; charset=utf-8")
					io.WriteString(w, sent)
					http.NewResponseController(w).Flush()
					tt.then(w, r)
				}))
				resp := tr.Do(t, relay(client, upstream), get("/"))
				body, err := io.ReadAll(resp.Body)
				if !strings.HasPrefix(string(body), want) || tt.whole && string(body) != want || (err == nil) != tt.whole {
					t.Errorf("%.99q, %v; want %q, %s", body, err, want, tt.why)
				}
			})
		})
	}
}

// TestRelayFields: what is sent arrives, except for what is not relayed, however it is
// split.
func TestRelayFields(t *testing.T) {
	long, longer := strings.Repeat("x", 100<<10), strings.Repeat("0123456789", 100<<10)
	for _, tt := range []struct{ sent, want, why string }{
		{"id:\t 5 \t\ndata: a\n\ndata: b\n\n", "id: 5\ndata: a\n\ndata: b\n\n", "Send would refuse the id"},
		{"id: 5 6\ndata: a\n\n", "id: 5 6\ndata: a\n\n", "what is inside comes back"},
		{"id:   \ndata: a\n\n", "id: \ndata: a\n\n", "an id of whitespace would come back as none"},
		{"id\ndata: a\n\ndata: b\n\n", "id: \ndata: a\n\ndata: b\n\n", "a client that comes back has an id to forget"},
		{"id: 5\ndata: a\n\nid: 5\ndata: b\n\n", "id: 5\ndata: a\n\nid: 5\ndata: b\n\n", "as it was sent"},
		{"id: 5\ndata: a\n\nid\ndata: b\n\n", "id: 5\ndata: a\n\nid: \ndata: b\n\n", "the id is taken back"},
		{"id: 5\x006\ndata: a\n\n", "data: a\n\n", "an id with NUL is none"},
		{"id: 5\n\ndata: a\n\n", "id: 5\ndata: a\n\n", "no block without data"},
		{"id: 5\n\nid: 6\n\n", "", "no block without data"},
		{"event: x\n\ndata: a\n\n", "data: a\n\n", "the name was that of an event without data, which is none"},
		{"data: a\nid: 5\nevent: x\nevent: y\n\n", "data: a\nid: 5\nevent: x\nevent: y\n\n", "in any order"},
		{"retry: 5\ndata: a\n\nretry: 6\n\n", "data: a\n\n", "that is not theirs to say"},
		{"data:a\ndata:  b\ndata\n\n", "data: a\ndata:  b\ndata: \n\n", "one space is not part of the data"},
		{"\ufeffdata: a\r\n\r\ndata: b\r\rdata: c\n\n", "data: a\n\ndata: b\n\ndata: c\n\n", "line ends of all kinds"},
		{"other: 1\ndatab: 2\ndata: a\nother\n\n", "data: a\n\n", "unknown fields"},
		{": c\ndata: a\n: d\ndata: b\n\n: e\n\n", "data: a\ndata: b\n\n", "comments"},
		{"data: " + long + "\ndata: " + long + "\nid: 5\n\ndata: b\n\n", "data: " + long + "\ndata: " + long + "\nid: 5\n\ndata: b\n\n", "many lines"},
		{"id: 5\nevent: x\ndata: " + longer + "\n\ndata: b\n\n", "id: 5\nevent: x\ndata: " + longer + "\n\ndata: b\n\n", "a line in pieces"},
		{": " + longer + "\n" + longer + "\ndata: b\n\n", "data: b\n\n", "long lines that are dropped"},
	} {
		for name, cut := range map[string]func(io.Reader) io.Reader{
			"whole": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "data with its error": iotest.DataErrReader,
		} {
			if name == "bytes" && len(tt.sent) > 1<<20 {
				continue // each byte is flushed
			}
			w := httptest.NewRecorder()
			stream.Handler(stream.Config{}, func(s *stream.Stream) error {
				return s.Relay(upstream(cut(strings.NewReader(tt.sent))), stream.RelayConfig{})
			}).ServeHTTP(w, get("/"))
			if got := w.Body.String(); got != tt.want {
				t.Errorf("%.99q, %s, is relayed as %.99q, want %.99q: %s", tt.sent, name, got, tt.want, tt.why)
			}
		}
	}
}

func TestRelayComments(t *testing.T) {
	long := strings.Repeat("c", 200<<10)
	const sent, want = ": a\n\n:b\ndata: 1\n:\ndata: 2\n\n:x\n", ": a\n: b\ndata: 1\n: \ndata: 2\n\n: x\n"
	w := httptest.NewRecorder()
	stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		err := s.Relay(upstream(strings.NewReader(sent+": "+long+"\n")), stream.RelayConfig{Comments: true})
		if err == nil {
			err = s.Send(stream.Event{Data: "3"})
		}
		return err
	}).ServeHTTP(w, get("/"))
	if got := w.Body.String(); got != want+": "+long+"\ndata: 3\n\n" {
		t.Errorf("%.99q, want %q", got, want)
	}
}

// TestRelayEventLimit: the limit is exact to the byte, is that of one event, and the
// connection is cut after a part of an event that is too large.
func TestRelayEventLimit(t *testing.T) {
	xs := func(n int64) io.Reader { return io.LimitReader(endless{}, n) }
	for _, tt := range []struct {
		name  string
		max   bytesize.Size
		data  io.Reader
		limit bytesize.Size // of the error, 0 is none
	}{
		{"2 MB", 0, xs(2 << 20), 0},
		{"above the default bound", 0, xs(32 << 20), 32 << 20},
		{"no bound", -1, xs(33 << 20), 0},
		{"one byte below", 11, xs(10), 0},
		{"one byte above", 10, xs(10), 10},
		{"many lines", 10, strings.NewReader("0\ndata: 1\ndata: 2\ndata: 3\ndata: 4"), 0},
		{"too many lines", 9, strings.NewReader("0\ndata: 1\ndata: 2\ndata: 3\ndata: 4"), 9},
	} {
		if testkit.Race && strings.HasSuffix(tt.name, "bound") {
			continue // slow
		}
		var err error
		h := stream.Handler(stream.Config{Logger: new(testkit.Log).Logger()}, func(s *stream.Stream) error {
			body := io.MultiReader(strings.NewReader("data: first\n\ndata: "), tt.data, strings.NewReader("\n\ndata: last\n\n"))
			err = s.Relay(upstream(body), stream.RelayConfig{EventLimit: tt.max})
			return err
		})
		func() {
			defer func() {
				if v := recover(); (v != nil) != (tt.limit > 0) {
					t.Errorf("%s: panic %v", tt.name, v)
				}
			}()
			h.ServeHTTP(&discard{}, get("/"))
		}()
		var large *stream.TooLargeError
		if tt.limit == 0 && err != nil || tt.limit > 0 && (!errors.As(err, &large) || large.Limit != tt.limit) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for _, field := range []string{"id", "event"} {
		err := relayed(stream.RelayConfig{EventLimit: -1}, field+": "+strings.Repeat("x", 1<<20)+"\n")
		if large := new(stream.TooLargeError); !errors.As(err, &large) {
			t.Errorf("%s of 1 MB: %v", field, err)
		}
	}
}

// relayed returns the error of a Relay of body.
func relayed(cfg stream.RelayConfig, body string) (err error) {
	s, err := stream.SSE(&discard{}, get("/"), stream.Config{})
	if err != nil {
		return err
	}
	return s.Relay(upstream(strings.NewReader(body)), cfg)
}

// TestRelayMemory: an event of any size takes no memory.
func TestRelayMemory(t *testing.T) {
	if testkit.Race {
		t.Skip("it takes its time")
	}
	s, err := stream.SSE(&discard{}, get("/"), stream.Config{})
	if err != nil {
		t.Fatal(err)
	}
	body := io.MultiReader(strings.NewReader("data: "), io.LimitReader(endless{}, 31<<20), strings.NewReader("\n\n"))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := s.Relay(upstream(body), stream.RelayConfig{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("an event of 31 MB took %d KB", got>>10)
	}
}

// endless is x forever.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// TestRelayRefuses: what is not an event stream never becomes an empty one.
func TestRelayRefuses(t *testing.T) {
	for _, tt := range []struct {
		status              int
		contentType, coding string
		want                int
		retryAfter          string
	}{
		{429, "application/json", "", 503, "7"},
		{503, "text/html", "", 503, "7"},
		{401, "application/json", "", 502, ""},
		{500, "text/event-stream", "", 502, ""},
		{200, "application/json", "", 502, ""},
		{200, "", "", 502, ""},
		{200, "text/event-stream-x", "", 502, ""},
		{200, "text/event-stream", "gzip", 502, ""},
		{200, "text/event-stream", "identity", 200, ""},
		{200, " TEXT/event-stream ;charset=utf-8", "", 200, ""},
		{301, "text/html", "", 502, ""},
		{204, "", "", 204, ""},
	} {
		closed := false
		h := stream.Handler(stream.Config{Logger: new(testkit.Log).Logger()}, func(s *stream.Stream) error {
			return s.Relay(&http.Response{StatusCode: tt.status, Header: http.Header{
				"Content-Type": {tt.contentType}, "Content-Encoding": {tt.coding}, "Retry-After": {"7"},
			}, Body: closer{strings.NewReader("data: secret\n\n"), &closed}}, stream.RelayConfig{})
		})
		resp := testkit.Recorder.Do(t, h, get("/"))
		body := testkit.Body(t, resp)
		if resp.StatusCode != tt.want || resp.Header.Get("Retry-After") != tt.retryAfter || strings.Contains(body, "secret") != (tt.want == 200) || !closed {
			t.Errorf("%d %q %q: %d %v %q, closed %t", tt.status, tt.contentType, tt.coding, resp.StatusCode, resp.Header, body, closed)
		}
		if tt.want == 204 && (body != "" || resp.Header.Get("Content-Type") != "") {
			t.Errorf("204: %v %q", resp.Header, body)
		}
	}
}

type closer struct {
	io.Reader
	closed *bool
}

func (c closer) Close() error { *c.closed = true; return nil }

// TestRelayInParts: nothing gets between the parts of a large event, neither other sends
// nor a heartbeat, and an error in it ends the stream.
func TestRelayInParts(t *testing.T) {
	large := "data: " + strings.Repeat("x", 300<<10)
	for _, whole := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := httptest.NewRecorder()
			src, more := io.Pipe()
			stream.Handler(stream.Config{Heartbeat: time.Second, Logger: new(testkit.Log).Logger()}, func(s *stream.Stream) error {
				sent, done := make(chan error, 1), make(chan error, 1)
				go func() { done <- s.Relay(upstream(src), stream.RelayConfig{}) }()
				io.WriteString(more, large)
				synctest.Wait()
				go func() { sent <- s.Send(stream.Event{Data: "other"}) }()
				time.Sleep(10 * time.Second)
				if w.Body.String() == "" || strings.Contains(w.Body.String(), "other") || strings.Contains(w.Body.String(), ":\n") {
					t.Errorf("%d bytes, or something in between", w.Body.Len())
				}
				if whole {
					io.WriteString(more, "\n\n")
				}
				more.Close()
				if err := <-done; (err == nil) != whole {
					t.Errorf("Relay: %v", err)
				}
				if err := <-sent; (err == nil) != whole {
					t.Errorf("Send: %v", err)
				}
				return nil
			}).ServeHTTP(w, get("/"))
			if want := large + "\n\ndata: other\n\n"; whole && w.Body.String() != want {
				t.Errorf("%.99q", w.Body)
			}
		})
	}
}

// TestRelayClientGone: a client that leaves before the first event, of a request whose
// body was not read, ends the upstream request.
func TestRelayClientGone(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		asked, canceled := make(chan bool), make(chan bool)
		upstreamClient, upstream := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			http.NewResponseController(w).Flush()
			close(asked)
			<-r.Context().Done()
			close(canceled)
		}))
		client, url := tr.Serve(t, relay(upstreamClient, upstream))
		ctx, leave := context.WithCancel(t.Context())
		go func() { <-asked; leave() }()
		r, _ := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(`{"q":1}`))
		if resp, err := client.Do(r); err == nil {
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
		}
		testkit.Soon(t, canceled, "the request to the other server goes on")
	})
}

func TestRelayCanceled(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		cancelled := make(chan bool)
		upstreamClient, upstream := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: a\n\n")
			http.NewResponseController(w).Flush()
			<-r.Context().Done() // never responds
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

// A source that ignores contexts is closed as well.
func TestRelayClosesSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		src, w := io.Pipe()
		resp := upstream(nil)
		resp.Body = src
		h := stream.Handler(stream.Config{}, func(s *stream.Stream) error { return s.Relay(resp, stream.RelayConfig{}) })
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

// A goroutine that outlives the handler gets errors, not another client's response.
func TestStreamSendAfterHandler(t *testing.T) {
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

func TestStreamConcurrentSend(t *testing.T) {
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

// FuzzRelay: a client of the relay receives the same events as a client of the upstream,
// with the same names, data and ids, however they are split; and what a Reader takes for
// incomplete is an error.
func FuzzRelay(f *testing.F) {
	f.Add("data: a\n\nid: 1\revent: x\r\ndata\r\r\n", 3)
	f.Add("\ufeffretry: 5\ndata:\xff\xe2\x82\n\n: c\n\nid: 2\n\nid\nevent: y\ndata: 1\nevent: z\ndata: 2\n\n", 1)
	f.Add("id: 1\x00\ndata: a\nid: 3\n\ndata: half", 7)
	f.Fuzz(func(t *testing.T, input string, size int) {
		read := func(src io.Reader) (events []stream.Event, incomplete bool) {
			r := stream.NewReader(src)
			r.EventLimit = -1
			for e, err := range r.All() {
				if err != nil {
					t.Fatal(err)
				}
				e.ID = strings.Trim(e.ID, " \t")
				events = append(events, e)
			}
			return events, r.Incomplete()
		}
		w := httptest.NewRecorder()
		s, err := stream.SSE(w, get("/"), stream.Config{})
		if err != nil {
			t.Fatal(err)
		}
		src := &sized{strings.NewReader(input), size&0xff + 1}
		err = s.Relay(upstream(src), stream.RelayConfig{EventLimit: -1, Comments: size%2 == 0})
		want, incomplete := read(strings.NewReader(input))
		got, half := read(strings.NewReader(w.Body.String()))
		if !slices.Equal(got, want) || half {
			t.Errorf("%q is relayed as %q: %+v, want %+v", input, w.Body, got, want)
		}
		if (err != nil) != incomplete {
			t.Errorf("%q: %v, incomplete %t", input, err, incomplete)
		}
		if size%2 != 0 {
			for block := range strings.SplitSeq(w.Body.String(), "\n\n") {
				if block != "" && !strings.Contains("\n"+block, "\ndata: ") {
					t.Errorf("%q has a block without data: %q", w.Body, block)
				}
			}
		}
	})
}

// sized reads that many bytes at a time.
type sized struct {
	io.Reader
	n int
}

func (s *sized) Read(p []byte) (int, error) { return s.Reader.Read(p[:min(len(p), s.n)]) }
