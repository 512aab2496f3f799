package gzip_test

import (
	"bufio"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/zstd"

	"github.com/apiece/apiece/bytesize"
	compose "github.com/apiece/apiece/examples/compose/gzip"
	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

var text = strings.Repeat("abcdefgh", 1<<10)

// routes have responses that are worth compressing, and others.
func routes(late <-chan struct{}) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /json", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, 200, text)
	}))
	mux.Handle("GET /small", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, 200, "small")
	}))
	mux.Handle("GET /png", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Type", "image/png")
		return reply.Send(w, r, 200, []byte(text))
	}))
	mux.Handle("GET /secret", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set(gzhttp.HeaderNoCompression, "1")
		return reply.JSON(w, r, 200, text)
	}))
	mux.Handle("GET /error", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Content-Encoding", "br") // of the response that is not sent
		return reply.NewError(409, "Conflict").With("about", text)
	}))
	mux.HandleFunc("GET /panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	mux.Handle("GET /large", middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
		Limit: 4 * bytesize.KB, Action: middleware.LimitAbort, Logger: slog.New(slog.DiscardHandler),
	})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, 200, text)
	})))
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		_ = middleware.Extend(r, 0) // the time is up
		<-late
	})
	mux.Handle("GET /events", stream.Handler(stream.Config{}, func(out *stream.Stream) error {
		if err := out.Send(stream.Event{Data: "one"}); err != nil {
			return err
		}
		await(out.Context(), late)
		return out.Send(stream.Event{Data: "two"})
	}))
	mux.Handle("GET /lines", reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		lines, err := stream.NDJSON(w, r, stream.Config{})
		if err != nil {
			return err
		}
		if err := lines.Send("one"); err != nil {
			return err
		}
		await(r.Context(), late)
		return lines.Send("two")
	}))
	return middleware.New(middleware.Config{MaxDuration: time.Minute, Logger: slog.New(slog.DiscardHandler)})(mux)
}

// await waits for late, or for the client to disconnect.
func await(ctx context.Context, late <-chan struct{}) {
	select {
	case <-late:
	case <-ctx.Done():
	}
}

// TestCompressResponses: only responses that are worth it are compressed, and they decode to the original.
func TestCompressResponses(t *testing.T) {
	loopback.Both(t, compose.Compress()(routes(nil)), func(t *testing.T, s *loopback.Server) {
		for _, tt := range []struct {
			path, accept string
			status       int
			coding       string
			has          string
		}{
			{"/json", "gzip", 200, "gzip", text},
			{"/json", "gzip, deflate, br, zstd", 200, "zstd", text},
			{"/json", "gzip, zstd;q=0", 200, "gzip", text},
			{"/json", "gzip;q=0", 200, "", text},
			{"/json", "br", 200, "", text},
			{"/json", "", 200, "", text},
			{"/small", "gzip", 200, "", "small"},
			{"/png", "gzip", 200, "", text},
			{"/secret", "gzip", 200, "", text},
			{"/error", "gzip", 409, "gzip", text},
			{"/error", "", 409, "", text},
			{"/panic", "gzip", 500, "", "Internal Server Error"},
			{"/large", "gzip", 500, "", "Internal Server Error"},
		} {
			resp, body := s.Do("GET", tt.path, "", "Accept-Encoding: "+tt.accept)
			h := resp.Header
			if resp.StatusCode != tt.status || h.Get("Content-Encoding") != tt.coding || h.Get("Vary") != "Accept-Encoding" || h.Get(gzhttp.HeaderNoCompression) != "" {
				t.Errorf("%s for %q: %d %v", tt.path, tt.accept, resp.StatusCode, h)
			}
			if tt.coding != "" && len(body) >= len(text)/4 {
				t.Errorf("%s for %q: %d bytes", tt.path, tt.accept, len(body))
			}
			if plain := inflate(t, tt.coding, body); !strings.Contains(plain, tt.has) {
				t.Errorf("%s for %q: %.200s", tt.path, tt.accept, plain)
			}
		}
	})
}

func inflate(t *testing.T, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCompressETag: the ETag is the same for all codings, and a client that has it gets a 304
// whatever it accepts.
func TestCompressETag(t *testing.T) {
	loopback.Both(t, compose.Compress()(routes(nil)), func(t *testing.T, s *loopback.Server) {
		plain, _ := s.Do("GET", "/json", "")
		packed, _ := s.Do("GET", "/json", "", "Accept-Encoding: gzip")
		tag := plain.Header.Get("ETag")
		if !strings.HasPrefix(tag, `"`) || packed.Header.Get("ETag") != tag || packed.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s, compressed %v", tag, packed.Header)
		}
		for _, accept := range []string{"", "gzip", "zstd"} {
			for _, known := range []string{tag, "W/" + tag, `"x", ` + tag} {
				resp, body := s.Do("GET", "/json", "", "Accept-Encoding: "+accept, "If-None-Match: "+known)
				h := resp.Header
				if resp.StatusCode != 304 || body != "" || h.Get("ETag") != tag || h.Get("Vary") != "Accept-Encoding" || h.Get("Content-Encoding") != "" {
					t.Errorf("%q with %s: %d %v", accept, known, resp.StatusCode, h)
				}
			}
		}
	})
}

// TestCompressHead: HEAD runs the handler of GET without a body. Its Content-Length is that
// before compression, which GET does not send: allowed (RFC 9110, section 9.3.2, "MAY
// omit"), but not reliable.
func TestCompressHead(t *testing.T) {
	loopback.Both(t, compose.Compress()(routes(nil)), func(t *testing.T, s *loopback.Server) {
		for _, accept := range []string{"", "gzip"} {
			resp, body := s.Do("HEAD", "/json", "", "Accept-Encoding: "+accept)
			if resp.StatusCode != 200 || body != "" || resp.Header.Get("Content-Encoding") != "" || resp.Header.Get("ETag") == "" {
				t.Errorf("%q: %d %v", accept, resp.StatusCode, resp.Header)
			}
		}
	})
}

// TestCompressLiveStreams: events and lines arrive one at a time. Events are not compressed;
// lines are, and each is flushed.
func TestCompressLiveStreams(t *testing.T) {
	late := make(chan struct{})
	loopback.Both(t, compose.Compress()(routes(late)), func(t *testing.T, s *loopback.Server) {
		for path, want := range map[string][2]string{"/events": {"data: one", "\ndata: two\n\n"}, "/lines": {`"one"`, "\"two\"\n"}} {
			resp := s.Open("GET", path, "", "Accept-Encoding: gzip")
			body := io.Reader(resp.Body)
			if path == "/lines" {
				var err error
				if body, err = gzip.NewReader(resp.Body); err != nil {
					t.Fatal(err)
				}
			} else if resp.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: %v", path, resp.Header)
			}
			lines := bufio.NewReader(body)
			if line, err := lines.ReadString('\n'); line != want[0]+"\n" {
				t.Fatalf("%s: first %q, %v", path, line, err)
			}
			late <- struct{}{} // the handler is still there: the first line did not wait for it
			if rest, err := io.ReadAll(lines); string(rest) != want[1] {
				t.Errorf("%s: then %q, %v", path, rest, err)
			}
		}
	})
}

// TestCompressTimeout: gzhttp buffers small responses until the handler returns. The 504 of a
// Timeout arrives before that.
func TestCompressTimeout(t *testing.T) {
	late := make(chan struct{})
	loopback.Both(t, compose.Compress()(routes(late)), func(t *testing.T, s *loopback.Server) {
		resp, body := s.Do("GET", "/slow", "", "Accept-Encoding: gzip")
		if resp.StatusCode != 504 || !strings.Contains(body, `"status":504`) {
			t.Errorf("%d %s", resp.StatusCode, body)
		}
		late <- struct{}{}
	})
}

// TestCompressCutResponse: a response that the kit cuts does not look complete, although gzhttp
// closes its stream cleanly on the way out.
func TestCompressCutResponse(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	begin := func(w http.ResponseWriter) {
		io.WriteString(w, text)
		_ = http.NewResponseController(w).Flush()
	}
	for name, h := range map[string]http.Handler{
		"too large": middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
			Limit: bytesize.Size(len(text)), Action: middleware.LimitAbort, Logger: quiet,
		})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			begin(w)
		})),
		"too slow": middleware.TimeoutWith(middleware.TimeoutConfig{
			Duration: time.Minute, Logger: quiet,
		})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			_ = middleware.Extend(r, 0)
			<-r.Context().Done()
		})),
		"panic": middleware.Recover(quiet)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			begin(w)
			panic("on purpose")
		})),
		"error": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			begin(w)
			return reply.NewError(404, "No more")
		}),
	} {
		t.Run(name, func(t *testing.T) {
			defer slog.SetDefault(slog.Default())
			slog.SetDefault(quiet)
			loopback.Both(t, compose.Compress()(h), func(t *testing.T, s *loopback.Server) {
				resp := s.Open("GET", "/", "", "Accept-Encoding: gzip")
				if resp.Header.Get("Content-Encoding") != "gzip" {
					t.Fatalf("not compressed: %v", resp.Header)
				}
				if body, err := io.ReadAll(resp.Body); err == nil {
					t.Errorf("the client takes %d bytes for the whole", len(body))
				}
			})
		})
	}
}

func Example() {
	service := compose.Compress()(middleware.New(middleware.Config{})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		return reply.JSON(w, r, 200, strings.Repeat("again and ", 1000))
	})))
	for _, accept := range []string{"", "gzip"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Printf("%q: less than 1000 bytes is %t, %s\n", w.Header().Get("Content-Encoding"), w.Body.Len() < 1000, w.Header().Get("Etag"))
	}
	// Output:
	// "": less than 1000 bytes is false, "9teits6v5phei"
	// "gzip": less than 1000 bytes is true, "9teits6v5phei"
}
