package gzip_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/CAFxX/httpcompression"
	"github.com/NYTimes/gziphandler"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
)

// TestCompressorsHoldBackStreams: two compressors that wait for enough bytes, ignoring flushes, hold
// back an event stream. Two ways to make them pass it through.
func TestCompressorsHoldBackStreams(t *testing.T) {
	types := []string{"text/html", "application/json"} // and not text/event-stream
	nytimes, err := gziphandler.GzipHandlerWithOpts(gziphandler.ContentTypes(types))
	if err != nil {
		t.Fatal(err)
	}
	cafxx, err := httpcompression.DefaultAdapter(httpcompression.ContentTypes([]string{"text/event-stream"}, true))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := httpcompression.DefaultAdapter()
	if err != nil {
		t.Fatal(err)
	}
	identity := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "identity")
			next.ServeHTTP(w, r)
		})
	}
	events := stream.Handler(stream.Config{}, func(s *stream.Stream) error {
		if err := s.Send(stream.Event{Data: "one"}); err != nil {
			return err
		}
		time.Sleep(10 * time.Second)
		return s.Send(stream.Event{Data: "two"})
	})
	const one, two = "data: one\n\n", "data: two\n\n"
	for _, tt := range []struct {
		name string
		h    http.Handler
		want time.Duration // when the first event arrives
	}{
		{"gziphandler", gziphandler.GzipHandler(events), 10 * time.Second},
		{"gziphandler, by type", nytimes(events), 0},
		{"gziphandler, by encoding", gziphandler.GzipHandler(identity(events)), 0},
		{"httpcompression", plain(events), 10 * time.Second},
		{"httpcompression, by type", cafxx(events), 0},
		{"httpcompression, by encoding", plain(identity(events)), 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
				start := time.Now()
				r := httptest.NewRequest("GET", "/", nil)
				r.Header.Set("Accept-Encoding", "gzip")
				resp := tr.Do(t, tt.h, r)
				first := make([]byte, len(one))
				if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != one {
					t.Fatalf("%q, %v", first, err)
				}
				if at := time.Since(start); at != tt.want {
					t.Errorf("the first event arrives after %v, want %v", at, tt.want)
				}
				if rest := testkit.Body(t, resp); rest != two {
					t.Errorf("%q, want %q", rest, two)
				}
			})
		})
	}
}
