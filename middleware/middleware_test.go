package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// TestResponseLimitWarns: no byte changes, and there is one record.
func TestResponseLimitWarns(t *testing.T) {
	write := func(n int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for part := range 10 {
				io.WriteString(w, strings.Repeat("x", (n+part)/10))
			}
		}
	}
	limit := func(n bytesize.Size, log *testkit.Log) func(http.Handler) http.Handler {
		return middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: n, Logger: log.Logger()})
	}
	same := func(h http.Handler) http.Handler { return h }
	tests := []struct {
		name    string
		limits  []bytesize.Size // from the outside
		between func(http.Handler) http.Handler
		handler http.HandlerFunc
		size    int
		records int
		why     string
	}{
		{"exact", []bytesize.Size{1000}, same, write(1000), 1000, 0, "the limit itself passes"},
		{"one over", []bytesize.Size{1000}, same, write(1001), 1001, 1, "strictly more"},
		{"default", []bytesize.Size{0}, same, write(4<<20 + 1), 4<<20 + 1, 1, "4 MB"},
		{"default exact", []bytesize.Size{0}, same, write(4 << 20), 4 << 20, 0, "4 MB"},
		{"off", []bytesize.Size{-1}, same, write(5 << 20), 5 << 20, 0, "no limit"},
		{"lifted inside", []bytesize.Size{1000, -1}, same, write(2000), 2000, 0, "the innermost holds"},
		{"raised inside", []bytesize.Size{1000, 3000}, same, write(2000), 2000, 0, "the innermost holds"},
		{"lowered inside", []bytesize.Size{3000, 1000}, same, write(2000), 2000, 1, "the innermost holds"},
		{"both over", []bytesize.Size{1000, 1000}, same, write(2000), 2000, 1, "once"},
		{"inside a wrapper", []bytesize.Size{1000, -1}, testkit.Foreign()["counting"], write(2000), 2000, 0, "through Unwrap"},
		{"inside a buffer", []bytesize.Size{1000, 1000}, testkit.Foreign()["buffering"], write(2000), 2000, 1, "once"},
		{"events", []bytesize.Size{10}, same, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			io.WriteString(w, "data: 0123456789\n\n")
		}, 18, 0, "a stream has no size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				h := http.Handler(tt.handler)
				for i := len(tt.limits) - 1; i >= 0; i-- {
					if h = limit(tt.limits[i], &log)(h); i > 0 {
						h = tt.between(h)
					}
				}
				mux := http.NewServeMux()
				mux.Handle("GET /big/{id}", h)
				resp := tr.Do(t, mux, httptest.NewRequest("GET", "/big/1", nil))
				if n, err := io.Copy(io.Discard, resp.Body); n != int64(tt.size) || err != nil || resp.StatusCode != 200 {
					t.Errorf("%d, %d bytes, %v: a warning must not change the response", resp.StatusCode, n, err)
				}
				eventually(t, fmt.Sprintf("%d records: %s", tt.records, tt.why), func() bool { return len(log.Records()) == tt.records })
				for _, rec := range log.Records() {
					if rec.Level != slog.LevelWarn || testkit.Attr(rec, "size") != strconv.Itoa(tt.size) || testkit.Attr(rec, "limit") == "" || testkit.Attr(rec, "pattern") != "GET /big/{id}" {
						t.Errorf("record %v", rec)
					}
				}
			})
		})
	}
}

// TestResponseLimitAborts: no layer outside can turn a rejected response into a clean
// 200.
func TestResponseLimitAborts(t *testing.T) {
	swallow := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			next.ServeHTTP(w, r)
		})
	}
	file := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(file, make([]byte, 5000), 0o600); err != nil {
		t.Fatal(err)
	}
	const refused = `{"title":"Internal Server Error","status":500}`
	tests := []struct {
		name   string
		handle http.HandlerFunc
		status int // 0: the connection is dropped
		text   string
		why    string
	}{
		{"within", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, strings.Repeat("x", 1000)) }, 200, strings.Repeat("x", 1000), ""},
		{"one write", func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, 1001)) }, 500, refused, "nothing is out"},
		{"declared", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1001")
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(200)
			if _, err := w.Write(make([]byte, 1001)); err == nil {
				t.Error("the handler is not told")
			}
		}, 500, refused, "known before the header is out"},
		{"file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }, 500, refused, "its length is declared"},
		{"reply", func(w http.ResponseWriter, r *http.Request) {
			if err := reply.Send(w, r, 200, make([]byte, 1001)); err == nil {
				t.Error("the handler is not told")
			}
		}, 500, refused, "its length is declared"},
		{"parts", func(w http.ResponseWriter, r *http.Request) {
			for range 20 {
				w.Write(make([]byte, 100))
			}
		}, 0, "", "a part is out"},
		{"flushed", func(w http.ResponseWriter, r *http.Request) {
			w.Write(make([]byte, 100))
			http.NewResponseController(w).Flush()
			w.Write(make([]byte, 2000))
		}, 0, "", "a part is out"},
		{"copied", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, io.LimitReader(zeros{}, 3000)) }, 0, "", "a part is out"},
	}
	chains := map[string]func(http.Handler) http.Handler{
		"none":    func(h http.Handler) http.Handler { return h },
		"ours":    middleware.Recover(slog.New(slog.DiscardHandler)),
		"swallow": swallow,
		"timeout": func(h http.Handler) http.Handler { return swallow(middleware.Timeout(time.Hour)(h)) },
	}
	for _, tt := range tests {
		for name, outer := range chains {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
					var log testkit.Log
					limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 1000, Action: middleware.LimitAbort, Logger: log.Logger()})
					client, url := tr.Serve(t, outer(limit(tt.handle)))
					status, header, text, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
					dropped := err != nil
					if tt.name == "copied" && status == 500 {
						dropped = true // without ReadFrom, io.Copy writes in one call, and nothing was sent
					}
					tt := tt
					if tt.name == "parts" && name == "timeout" {
						tt.status, tt.text = 500, refused // a Timeout holds the first 2 KB back
					}
					if tt.status == 0 {
						if !dropped {
							t.Errorf("%d with %d bytes, taken for whole: %s", status, len(text), tt.why)
						}
					} else if err != nil || status != tt.status || text != tt.text || header.Get("ETag") != "" {
						t.Errorf("%d %q %v %v, want %d: %s", status, text, header, err, tt.status, tt.why)
					}
					want := 1
					if tt.status == 200 {
						want = 0
					}
					eventually(t, fmt.Sprint(want, " records"), func() bool { return len(log.Records()) == want })
				})
			})
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type badValue struct{}

func (badValue) Error() string { panic("no text") }

func TestRecover(t *testing.T) {
	tests := []struct {
		name    string
		handle  http.HandlerFunc
		status  int // 0: the connection is dropped
		records int
		why     string
	}{
		{"before", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("ETag", "x"); panic("boom") }, 500, 1, "nothing is out"},
		{"during", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "part"); panic("boom") }, 0, 1, "a part is out"},
		{"after", func(w http.ResponseWriter, r *http.Request) { reply.Send(w, r, 200, "whole"); panic("boom") }, 200, 1, "the answer is whole"},
		{"abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, 0, 0, "net/http's own word"},
		{"error", func(w http.ResponseWriter, r *http.Request) { panic(errors.New("boom")) }, 500, 1, ""},
		{"nil", func(w http.ResponseWriter, r *http.Request) { panic(nil) }, 500, 1, "the runtime makes it an error"},
		{"panics when printed", func(w http.ResponseWriter, r *http.Request) { panic(badValue{}) }, 500, 1, "the text of a panic may be one too"},
		{"early hints", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103); panic("boom") }, 500, 1, "a 1xx is no answer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
				var log testkit.Log
				client, url := tr.Serve(t, middleware.Recover(log.Logger())(tt.handle))
				status, header, text, err := fetch(client, testkit.At(t, url, httptest.NewRequest("GET", "/", nil)))
				if tt.status == 0 && err == nil || tt.status != 0 && (err != nil || status != tt.status) {
					t.Errorf("%d %q %v, want %d: %s", status, text, err, tt.status, tt.why)
				}
				if strings.Contains(text, "boom") || status == 500 && header.Get("ETag") != "" {
					t.Errorf("%v %q tells the client too much", header, text)
				}
				records := log.Records()
				if len(records) != tt.records {
					t.Fatalf("%d records, want %d: %s", len(records), tt.records, tt.why)
				}
				for _, rec := range records {
					if !strings.Contains(testkit.Attr(rec, "stack"), "middleware_test.TestRecover") || !strings.HasPrefix(testkit.Attr(rec, "error"), "panic: ") {
						t.Errorf("record %v lacks the stack or the value", rec)
					}
				}
			})
		})
	}
}

func TestUnresolved(t *testing.T) {
	tests := []struct {
		name   string
		handle http.HandlerFunc
		warns  bool
	}{
		{"nothing", func(w http.ResponseWriter, r *http.Request) {}, true},
		{"header only", func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-A", "1") }, true},
		{"1xx only", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(103) }, true},
		{"write", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }, false},
		{"204", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) }, false},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusSeeOther) }, false},
		{"flush", func(w http.ResponseWriter, r *http.Request) { w.(http.Flusher).Flush() }, false},
		{"client gone", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, false},
		{"revalidation", func(w http.ResponseWriter, r *http.Request) {}, false}, // its panic, say, was recovered by the cache
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var log testkit.Log
			r := httptest.NewRequest("GET", "/api/x", nil)
			if tt.name == "client gone" {
				ctx, cancel := contextWithCancel(t)
				cancel()
				r = r.WithContext(ctx)
			}
			if tt.name == "revalidation" {
				r = r.WithContext(exchange.Detach(r.Context()))
			}
			middleware.Unresolved(log.Logger())(tt.handle).ServeHTTP(httptest.NewRecorder(), r)
			records := log.Records()
			if got := len(records) == 1; got != tt.warns {
				t.Fatalf("records %v", records)
			}
			if tt.warns && (testkit.Attr(records[0], "method") != "GET" || testkit.Attr(records[0], "path") != "/api/x") {
				t.Errorf("record %v names neither method nor path", records[0])
			}
		})
	}
	t.Run("hijack", func(t *testing.T) {
		var log testkit.Log
		h := middleware.Unresolved(log.Logger())(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				conn.Close()
			}
		}))
		testkit.HTTP1.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if len(log.Records()) != 0 {
			t.Errorf("records %v", log.Records())
		}
	})
}

func TestMethods(t *testing.T) {
	answer := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, text) })
	}
	const notAllowed = `{"title":"Method Not Allowed","status":405,"detail":"The methods of this resource are %s"}`
	rest := middleware.Methods{"GET": answer("get"), "PUT": answer("put"), "PATCH": nil}
	tests := []struct {
		methods middleware.Methods
		method  string
		status  int
		allow   string
		body    string
		why     string
	}{
		{rest, "GET", 200, "", "get", ""},
		{rest, "PUT", 200, "", "put", ""},
		{rest, "HEAD", 200, "", "", "from GET"},
		{rest, "OPTIONS", 204, "GET, HEAD, OPTIONS, PUT", "", ""},
		{rest, "POST", 405, "GET, HEAD, OPTIONS, PUT", notAllowed, ""},
		{rest, "PATCH", 405, "GET, HEAD, OPTIONS, PUT", notAllowed, "a nil handler is none"},
		{rest, "PURGE", 405, "GET, HEAD, OPTIONS, PUT", notAllowed, "Next.js says 400; the method is known not to be allowed"},
		{rest, "get", 405, "GET, HEAD, OPTIONS, PUT", notAllowed, "methods are case-sensitive"},
		{nil, "GET", 405, "OPTIONS", notAllowed, "the zero value"},
		{middleware.Methods{"POST": answer("post")}, "HEAD", 405, "OPTIONS, POST", "", "no GET to run"},
		{middleware.Methods{"GET": answer("x"), "HEAD": answer(""), "OPTIONS": answer("mine")}, "OPTIONS", 200, "", "mine", "its own handler"},
		{middleware.Methods{"GET": answer("x"), "HEAD": answer(""), "OPTIONS": answer("mine")}, "POST", 405, "GET, HEAD, OPTIONS", notAllowed, "each once"},
	}
	for _, tt := range tests {
		// The list agrees with the responses, for every method.
		_, listed := slices.BinarySearch(tt.methods.Methods(), tt.method)
		if listed != (tt.status != http.StatusMethodNotAllowed) {
			t.Errorf("%s: Methods %q, but the status is %d: %s", tt.method, tt.methods.Methods(), tt.status, tt.why)
		}
		if tt.body == notAllowed {
			tt.body = fmt.Sprintf(notAllowed, tt.allow)
		}
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			resp := tr.Do(t, tt.methods, httptest.NewRequest(tt.method, "/", nil))
			if body := testkit.Body(t, resp); resp.StatusCode != tt.status || body != tt.body || resp.Header.Get("Allow") != tt.allow {
				t.Errorf("%s: %d %q Allow %q, want %d %q %q: %s", tt.method, resp.StatusCode, body, resp.Header.Get("Allow"), tt.status, tt.body, tt.allow, tt.why)
			}
		})
	}
}
