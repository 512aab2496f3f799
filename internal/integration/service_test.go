package integration_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/justinas/alice"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/cookies"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/pattern"
	"github.com/apiece/apiece/reply"
	"github.com/apiece/apiece/stream"
)

func TestMain(m *testing.M) { testkit.Main(m) }

var discard = slog.New(slog.DiscardHandler)

// TestStreamsOutliveLimits: a stream has no limit on time or size, whichever package
// opened it, and every event is sent at once.
func TestStreamsOutliveLimits(t *testing.T) {
	const events = 20
	around := middleware.New(middleware.Config{MaxDuration: time.Second, Logger: discard})
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 50, Action: middleware.LimitAbort, Logger: discard})
	handlers := map[string]func(next <-chan int) http.Handler{
		"stream.Handler": func(next <-chan int) http.Handler {
			return stream.Handler(stream.Config{}, func(s *stream.Stream) error {
				for i := range next {
					if err := s.Send(stream.Event{Data: fmt.Sprint(i)}); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"stream.NDJSON": func(next <-chan int) http.Handler {
			return reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
				lines, err := stream.NDJSON(w, r, stream.Config{})
				if err != nil {
					return err
				}
				for i := range next {
					if err := lines.Send(map[string]int{"data": i}); err != nil {
						return err
					}
				}
				return nil
			})
		},
		// As in a port of res.writeHead and res.write. No layer knows that this is a
		// stream before its first byte; the handler lifts the deadline itself.
		"by hand": func(next <-chan int) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := middleware.Extend(r, -1); err != nil {
					t.Error(err)
				}
				w.Header().Set("Content-Type", "text/event-stream")
				for i := range next {
					fmt.Fprintf(w, "data: %d\n\n", i)
					w.(http.Flusher).Flush()
				}
			})
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) {
				next := make(chan int)
				client, url := tr.Serve(t, around(limit(handler(next))))
				answer := make(chan *http.Response, 1)
				go func() {
					resp, err := client.Get(url)
					if err != nil {
						t.Error(err)
					}
					answer <- resp
				}()
				next <- 0
				resp := <-answer
				if resp == nil {
					return
				}
				defer resp.Body.Close()
				lines := bufio.NewScanner(resp.Body)
				for i := range events {
					for lines.Scan() && !strings.Contains(lines.Text(), "data") {
					}
					if !strings.Contains(lines.Text(), fmt.Sprint(i)) {
						t.Fatalf("event %d: %q, %v", i, lines.Text(), lines.Err())
					}
					time.Sleep(time.Second) // the whole limit
					if i+1 < events {
						next <- i + 1 // only now: each has arrived before the next is sent
					}
				}
				close(next)
				if _, err := io.ReadAll(resp.Body); err != nil {
					t.Errorf("the stream did not end in good order: %v", err)
				}
			})
		})
	}
}

// TestErrorsKeepOuterHeaders: the header fields of layers outside, such as CORS, are on
// the error responses of the layers inside. Otherwise a browser would hide those from
// the page.
func TestErrorsKeepOuterHeaders(t *testing.T) {
	cors := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", "https://app.example")
			w.Header().Set("Vary", "Origin")
			next.ServeHTTP(w, r)
		})
	}
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/slow": middleware.TimeoutWith(middleware.TimeoutConfig{Duration: 10 * time.Millisecond, Logger: discard})(
			http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })),
		"/panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("x") }),
		"/encode": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Cache-Control", "public, max-age=3600")
			return reply.JSON(w, r, http.StatusOK, make(chan int))
		}),
		"/[x]": reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error { return reply.NewError(http.StatusTeapot, "") }),
	}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	h := cors(middleware.New(middleware.Config{
		BodyParser: bodyparser.Config{Limit: 10},
		Logger:     discard,
	})(routes))
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(discard)
	for _, tt := range []struct {
		path, contentType, body string
		status                  int
	}{
		{"/x", "application/json", `{"a":"too long"}`, 413},
		{"/x", "json", "x", 415},
		{"/x", "application/json", "{", 400},
		{"/a/b", "", "", 404},
		{"/x", "", "", 418},
		{"/panic", "", "", 500},
		{"/encode", "", "", 500},
		{"/slow", "", "", 504},
	} {
		testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
			r := httptest.NewRequest("POST", tt.path, strings.NewReader(tt.body))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			resp := tr.Do(t, h, r)
			if resp.StatusCode != tt.status || resp.Header.Get("Access-Control-Allow-Origin") == "" || resp.Header.Get("Vary") == "" {
				t.Errorf("%s: %s %v, want %d with the header from outside", tt.path, resp.Status, resp.Header, tt.status)
			}
			if resp.Header.Get("Cache-Control") != "" {
				t.Errorf("%s: an error that may be stored: %v", tt.path, resp.Header)
			}
		})
	}
}

// TestLayersPassStandardRequest: inside every layer a handler gets the request that net/http
// documents.
func TestLayersPassStandardRequest(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /users/{id}", func(w http.ResponseWriter, r *http.Request) {
		if got := r.FormValue("name"); got != "Ada" {
			t.Errorf("FormValue = %q", got)
		}
		if got := r.PathValue("id"); got != "7" {
			t.Errorf("PathValue = %q", got)
		}
		if got := pattern.Query(r); got.Get("id") != "7" || got.Get("q") != "1" || got.Has("name") {
			t.Errorf("Query = %v", got)
		}
		if c, err := r.Cookie("session"); err != nil || c.Value != "s" {
			t.Errorf("Cookie = %v, %v", c, err)
		}
		if got := cookies.All(r); len(got) != 1 || got["session"] != "s" {
			t.Errorf("cookies.All = %v", got)
		}
		if body, ok := bodyparser.From(r); !ok || body.MediaType() != "application/x-www-form-urlencoded" {
			t.Error("no body")
		}
		reply.Send(w, r, http.StatusOK, "ok")
	})
	var seen string
	outside := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			next.ServeHTTP(w, r)
			seen = r.Pattern
		})
	}
	h := outside(middleware.New(middleware.Config{MaxDuration: time.Minute, WarnUnresolved: true})(mux))
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		r := httptest.NewRequest("POST", "/users/7?q=1&id=8", strings.NewReader("name=Ada"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Cookie", "session=s")
		resp := tr.Do(t, h, r)
		if body := testkit.Body(t, resp); resp.StatusCode != 200 || body != "ok" {
			t.Errorf("%s %q", resp.Status, body)
		}
		if seen != "POST /users/{id}" {
			t.Errorf("the pattern outside is %q", seen)
		}
	})
}

// TestLayersInAliceChain: every layer fits into one alice chain, in any sensible order,
// and passes every method on.
func TestLayersInAliceChain(t *testing.T) {
	pages := cache.New(cache.Config{Logger: discard})
	chain := alice.New(
		middleware.Unresolved(discard),
		middleware.Recover(discard),
		middleware.ResponseLimit(0),
		middleware.ResponseLimitWith(middleware.ResponseLimitConfig{}),
		middleware.Timeout(time.Minute),
		middleware.TimeoutWith(middleware.TimeoutConfig{}),
		bodyparser.New(bodyparser.Config{}),
		pages.Middleware,
		middleware.New(middleware.Config{Logger: discard}),
	).Extend(middleware.Chain(middleware.Config{Logger: discard}))
	routes, err := pattern.NewHandler(map[string]http.Handler{
		"/[x]": chain.ThenFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Method) }),
	}, pattern.HandlerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
		for _, method := range []string{"GET", "POST", "OPTIONS", "PURGE", "get"} {
			resp := tr.Do(t, routes, httptest.NewRequest(method, "/x", nil))
			if body := testkit.Body(t, resp); resp.StatusCode != 200 || body != method {
				t.Errorf("%s: %s %q", method, resp.Status, body)
			}
		}
	})
}

// TestRawBodyIsStreamed: with bodyParser: false no layer keeps what the handler has
// read.
func TestRawBodyIsStreamed(t *testing.T) {
	const size = 100 << 20
	var read int64
	h := middleware.New(middleware.Config{BodyParser: bodyparser.Config{Raw: true}})(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { read, _ = io.Copy(io.Discard, r.Body) }))
	r := httptest.NewRequest("POST", "/", io.LimitReader(zeros{}, size))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.ServeHTTP(httptest.NewRecorder(), r)
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; read != size || allocated > 1<<20 {
		t.Errorf("read %d bytes and allocated %d", read, allocated)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
