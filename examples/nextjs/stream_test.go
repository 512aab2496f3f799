package nextjs_test

import (
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/stream"
)

const pause = time.Millisecond // instead of a second

// The stream of the Next.js documentation: ten events, one per second.
func Example_stream() {
	handler := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		for i := range 10 {
			if err := s.Send(stream.Event{Data: fmt.Sprint(i)}); err != nil {
				return err // the client is gone
			}
			time.Sleep(pause)
		}
		return nil
	})

	call(middleware.New(middleware.Config{})(handler), "GET", "/api/count", "", "")
	// Output:
	// GET /api/count -> 200 data: 0
	//
	// data: 1
	//
	// data: 2
	//
	// data: 3
	//
	// data: 4
	//
	// data: 5
	//
	// data: 6
	//
	// data: 7
	//
	// data: 8
	//
	// data: 9
}

// The same without the kit's writer, as in a ported file. The pieces around it do not
// interfere, except a timeout, which cannot know that this is a stream.
func Example_streamByHand() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		middleware.Extend(r, -1) // no time limit from here on
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Cache-Control", "no-store")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			http.NewResponseController(w).Flush()
			time.Sleep(pause)
		}
	}

	call(middleware.New(middleware.Config{MaxDuration: time.Minute})(http.HandlerFunc(handler)), "GET", "/api/count", "", "")
	// Output:
	// GET /api/count -> 200 data: 0
	//
	// data: 1
	//
	// data: 2
}

// A ReadableStream of text: write, and flush.
func Example_readableStream() {
	handler := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		for _, token := range []string{"Once ", "upon ", "a time"} {
			io.WriteString(w, token)
			http.NewResponseController(w).Flush()
		}
	}

	call(http.HandlerFunc(handler), "GET", "/api/story", "", "")
	// Output:
	// GET /api/story -> 200 Once upon a time
}
