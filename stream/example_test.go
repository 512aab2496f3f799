package stream_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

func ExampleHandler() {
	countdown := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		for i := 3; i > 0; i-- {
			if err := s.SendJSON(map[string]int{"left": i}); err != nil {
				return err
			}
		}
		return s.Send(stream.Event{Name: "done"})
	})

	w := httptest.NewRecorder()
	countdown.ServeHTTP(w, httptest.NewRequest("GET", "/api/countdown", nil))
	fmt.Print(w.Body)
	// Output:
	// data: {"left":3}
	//
	// data: {"left":2}
	//
	// data: {"left":1}
	//
	// event: done
	// data:
}

// SSE is for handlers that do other things, too.
func ExampleSSE() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("topic") == "" {
			http.Error(w, "which topic?", http.StatusBadRequest)
			return
		}
		s, err := stream.SSE(w, r, stream.Config{})
		if err != nil {
			return // SSE has responded
		}
		s.Send(stream.Event{ID: "1", Data: "two\nlines"})
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "/api/news?topic=go", nil))
	fmt.Print(w.Body)
	// Output:
	// id: 1
	// data: two
	// data: lines
}

func ExampleNDJSON() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		lines, err := stream.NDJSON(w, r, stream.Config{})
		if err != nil {
			return
		}
		for _, name := range []string{"ann", "bob"} {
			lines.Send(map[string]string{"name": name})
		}
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "/api/export", nil))
	fmt.Print(w.Body)
	// Output:
	// {"name":"ann"}
	// {"name":"bob"}
}

// A language model responds with events, and a client receives each as it comes. When the
// client goes, so does the request to the model.
func ExampleStream_Relay() {
	model := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, "data: {\"delta\":\"Hel\"}\n\ndata: {\"delta\":\"lo\"}\n\ndata: [DONE]\n\n")
	}))
	defer model.Close()

	handler := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		req, err := http.NewRequestWithContext(s.Context(), "POST", model.URL, strings.NewReader(`{"prompt":"hi"}`))
		if err != nil {
			return err
		}
		resp, err := model.Client().Do(req)
		if err != nil {
			return err
		}
		return s.Relay(resp, stream.RelayConfig{})
	})

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("POST", "/api/chat", nil))
	fmt.Print(w.Body)
	// Output:
	// data: {"delta":"Hel"}
	//
	// data: {"delta":"lo"}
	//
	// data: [DONE]
}

// An EventSource reconnects after every stream, unless the response is 204.
func ExampleErrStop() {
	jobs := map[string]int{"7": 2} // what is left to do
	handler := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		id := s.Request().FormValue("job")
		left, ok := jobs[id]
		if !ok {
			return stream.ErrStop
		}
		for ; left > 0; left-- {
			if err := s.SendJSON(map[string]int{"left": left}); err != nil {
				return err
			}
		}
		delete(jobs, id)
		return nil
	})

	for range 2 {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/progress?job=7", nil))
		fmt.Printf("%d %q\n", w.Code, w.Body)
	}
	// Output:
	// 200 "data: {\"left\":2}\n\ndata: {\"left\":1}\n\n"
	// 204 ""
}

// Heartbeats keep an idle stream open, even before its first event.
func ExampleStream_Close() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		s, err := stream.SSE(w, r, stream.Config{Heartbeat: 10 * time.Second})
		if err != nil {
			return // SSE has responded
		}
		defer s.Close()
		s.Flush()                         // the client knows that it is connected
		answer, err := think(s.Context()) // which takes its time
		if err == nil {
			s.Send(stream.Event{Data: answer})
		}
	}

	w := httptest.NewRecorder()
	handler(w, httptest.NewRequest("GET", "/api/answer", nil))
	fmt.Print(w.Body)
	// Output: data: 42
}

func think(context.Context) (string, error) { return "42", nil }

// A stream that fails half-way says so in its last line.
func ExampleLines_Fail() {
	handler := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		lines, err := stream.NDJSON(w, r, stream.Config{})
		if err != nil {
			return err
		}
		if err := lines.Send(map[string]int{"row": 1}); err != nil {
			return err
		}
		return lines.Fail(reply.NewError(http.StatusConflict, "the table was changed"))
	})

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/rows", nil))
	fmt.Print(w.Body)
	// Output:
	// {"row":1}
	// {"error":{"title":"Conflict","status":409,"detail":"the table was changed"}}
}

// Values of the client are the client's errors: 400.
func ExampleEventError() {
	handler := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		event := stream.Event{ID: s.Request().FormValue("id"), Data: "hello"}
		if _, err := stream.Encode(event); err != nil {
			return reply.NewError(http.StatusBadRequest, "id: no line breaks, please").WithCause(err)
		}
		return s.Send(event)
	})

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest("GET", "/api/events?id=1%0Adata:+forged", nil))
	fmt.Println(w.Code, w.Body)
	// Output: 400 {"title":"Bad Request","status":400,"detail":"id: no line breaks, please"}
}

func ExampleReader() {
	body := strings.NewReader("id: 7\nevent: tick\ndata: one\n\n: heartbeat\n\ndata: two\ndata: lines\n\n")
	r := stream.NewReader(body)
	for event, err := range r.All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q %q %q\n", event.ID, event.Name, event.Data)
	}
	// Output:
	// "7" "tick" "one"
	// "7" "" "two\nlines"
}

// Config.Until ends streams that belong to no hub.
func ExampleConfig_shutdown() {
	until, stop := context.WithCancel(context.Background())
	clock := stream.Handler(stream.Config{Until: until}, func(s *stream.Stream) error {
		s.Send(stream.Event{Data: "tick"})
		<-s.Context().Done() // in practice a select with a ticker
		return nil
	})
	server := &http.Server{Handler: clock}
	server.RegisterOnShutdown(stop)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	go server.Serve(l)
	resp, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	go server.Shutdown(context.Background())
	body, err := io.ReadAll(resp.Body)
	fmt.Printf("%q %v\n", body, err)
	http.DefaultClient.CloseIdleConnections()
	// Output: "data: tick\n\n" <nil>
}
