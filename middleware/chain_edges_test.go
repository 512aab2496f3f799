package middleware_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// A halfway writer sends half of a body, then panics or fails.
type halfway struct {
	http.ResponseWriter
	panics bool
}

func (w halfway) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w halfway) Write(p []byte) (int, error) {
	n, _ := w.ResponseWriter.Write(p[:len(p)/2])
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	if w.panics {
		panic("halfway")
	}
	return n, errors.New("halfway")
}

// halves are chains whose response a halfway writer sends, in the handler or, after a
// Timeout held it back, at the end.
func halves(t *testing.T, test func(t *testing.T, panics bool, log *testkit.Log, h http.Handler)) {
	for _, d := range []time.Duration{0, time.Minute} {
		for _, panics := range []bool{true, false} {
			t.Run(fmt.Sprintf("MaxDuration %v, panics %t", d, panics), func(t *testing.T) {
				var log testkit.Log
				h := middleware.New(middleware.Config{MaxDuration: d, Logger: log.Logger()})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
					_, err := io.WriteString(w, "0123456789")
					return err
				}))
				test(t, panics, &log, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					h.ServeHTTP(halfway{w, panics}, r)
				}))
			})
		}
	}
}

// TestChainPartialResponse: a part that was sent never passes for the whole, even if a
// foreign recoverer is outside, and a panic is logged.
func TestChainPartialResponse(t *testing.T) {
	halves(t, func(t *testing.T, panics bool, log *testkit.Log, h http.Handler) {
		testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
			client, url := tr.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer func() { _ = recover() }()
				h.ServeHTTP(w, r)
			}))
			before := log.Len()
			r, _ := http.NewRequest("GET", url, nil)
			if status, _, body, err := fetch(client, r); err == nil {
				t.Errorf("%d %q passes for the whole", status, body)
			}
			if n := log.Len() - before; panics && n != 1 {
				t.Errorf("%d records of the panic", n)
			}
		})
	})
}

// TestChainPartialResponseHTTP10: where the end of the connection is the end of a body,
// the connection is reset.
func TestChainPartialResponseHTTP10(t *testing.T) {
	halves(t, func(t *testing.T, _ bool, _ *testkit.Log, h http.Handler) {
		_, url := testkit.HTTP1.Serve(t, unlogged(h))
		if status, body, err := get10(strings.TrimPrefix(url, "http://"), "/"); err == nil {
			t.Errorf("%d %q passes for the whole", status, body)
		}
	})
}

// TestOnErrorNested: a hook may run a handler with a hook of its own. A hook that
// calls itself terminates.
func TestOnErrorNested(t *testing.T) {
	fails := reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return errors.New("broken") })
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("broken") })
	pretty := func(w http.ResponseWriter, r *http.Request, _ error) {
		http.Error(w, "pretty", http.StatusInternalServerError)
	}
	const problem = `{"title":"Internal Server Error","status":500}`
	pieces := func(cfg middleware.Config) func(http.Handler) http.Handler {
		cfg.Logger = discard
		return middleware.New(cfg)
	}
	for _, d := range []time.Duration{0, time.Minute} {
		for name, tt := range map[string]struct {
			page  http.Handler
			calls int64
			want  string
		}{
			"a page that fails":               {fails, 1, problem},
			"a page under a Timeout":          {middleware.Timeout(time.Minute)(fails), 1, problem},
			"a page with a hook of its own":   {reply.Handler(fails, pretty), 1, "pretty\n"},
			"a Config with one":               {pieces(middleware.Config{OnError: pretty, MaxDuration: d})(fails), 1, "pretty\n"},
			"a Config with one, and a panic":  {pieces(middleware.Config{OnError: pretty, MaxDuration: d})(panics), 1, "pretty\n"},
			"a Config with none, and a panic": {pieces(middleware.Config{MaxDuration: d})(panics), 1, problem},
			"a page with the same hook":       {nil, 2, problem},
		} {
			t.Run(fmt.Sprintf("%s, MaxDuration %v", name, d), func(t *testing.T) {
				var calls atomic.Int64
				var hook func(http.ResponseWriter, *http.Request, error)
				hook = func(w http.ResponseWriter, r *http.Request, _ error) {
					if calls.Add(1) > 10 {
						t.Error("there is no end")
						return
					}
					page := tt.page
					if page == nil {
						page = pieces(middleware.Config{OnError: hook, MaxDuration: d})(fails)
					}
					page.ServeHTTP(w, r)
				}
				w := httptest.NewRecorder()
				pieces(middleware.Config{OnError: hook, MaxDuration: d})(fails).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
				if got := w.Body.String(); got != tt.want || calls.Load() != tt.calls {
					t.Errorf("%q after %d calls, want %q after %d", got, calls.Load(), tt.want, tt.calls)
				}
			})
		}
	}
}

// TestTimeoutOnErrorLogs: code that the hook of a 504 runs logs to the Logger of the
// Config.
func TestTimeoutOnErrorLogs(t *testing.T) {
	var log, other testkit.Log
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(other.Logger())
	page := reply.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return errors.New("the page") })
	h := middleware.New(middleware.Config{
		MaxDuration: 10 * time.Millisecond, Logger: log.Logger(),
		OnError: func(w http.ResponseWriter, r *http.Request, _ error) { page.ServeHTTP(w, r) },
	})(http.HandlerFunc(late))
	client, url := testkit.HTTP1.Serve(t, h)
	r, _ := http.NewRequest("GET", url, nil)
	if _, _, _, err := fetch(client, r); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record of the timeout", func() bool { return log.Len() == 2 })
	if other.Len() > 0 {
		t.Errorf("slog.Default has %v", other.Records())
	}
}

// TestErrorDropsTrailers: an error that replaces a response sends none of its
// trailers.
func TestErrorDropsTrailers(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		h := middleware.New(middleware.Config{MaxDuration: time.Minute, Logger: discard})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
			w.Header().Set("Trailer", "Grpc-Status")
			w.Header().Set("Grpc-Status", "0")
			w.Header().Set(http.TrailerPrefix+"X-Sum", "1")
			return errors.New("broken")
		}))
		resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
		if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusInternalServerError {
			t.Errorf("%d, %v", resp.StatusCode, err)
		}
		if len(resp.Trailer) > 0 || resp.Header.Get("Grpc-Status") != "" {
			t.Errorf("the trailers are %v, the header %v", resp.Trailer, resp.Header)
		}
	})
}
