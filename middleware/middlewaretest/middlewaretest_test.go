package middlewaretest_test

import (
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/middleware/middlewaretest"
)

func TestMain(m *testing.M) { testkit.Main(m) }

// TestRunPassesKit runs the checks on every middleware of this module.
func TestRunPassesKit(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	for name, piece := range map[string]func(http.Handler) http.Handler{
		"none":          func(h http.Handler) http.Handler { return h },
		"recover":       middleware.Recover(quiet),
		"unresolved":    middleware.Unresolved(quiet),
		"responselimit": middleware.ResponseLimit(0),
		"abort":         middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Action: middleware.LimitAbort, Logger: quiet}),
		"timeout":       middleware.Timeout(time.Minute),
		"bodyparser":    bodyparser.New(bodyparser.Config{}),
		"all":           middleware.New(middleware.Config{MaxDuration: time.Minute, WarnUnresolved: true, Logger: quiet}),
		"twice": func(h http.Handler) http.Handler {
			all := middleware.New(middleware.Config{MaxDuration: time.Minute, Logger: quiet})
			return all(testkit.Foreign()["unwrapping"](all(h)))
		},
	} {
		t.Run(name, func(t *testing.T) { middlewaretest.Run(t, piece) })
	}
}

// TestRunFindsFaults runs the checks, in another process, on middleware with known
// faults: a check that cannot fail proves nothing.
func TestRunFindsFaults(t *testing.T) {
	switch name := os.Getenv("MIDDLEWARETEST_BROKEN"); name {
	case "":
	case "mended":
		middlewaretest.Run(t, broken[name], "http1/hijack", "http2/flusher")
		return
	default:
		middlewaretest.Run(t, broken[name])
		return
	}
	want := map[string][]string{
		"bare": {"http1/deadlines", "http1/first-byte", "http1/flusher", "http1/full-duplex", "http1/hijack", "http1/read-from", "http1/unwrap", "http1/context", "http1/close-notifier",
			"http2/deadlines", "http2/first-byte", "http2/flusher", "http2/unwrap", "http2/context", "http2/close-notifier", "http2/pusher"},
		"unwrapping": {"http1/flusher", "http1/hijack", "http1/read-from", "http2/flusher",
			"http1/close-notifier", "http2/close-notifier", "http2/pusher"},
		"TimeoutHandler": nil, // checked for a few below: it lacks nearly everything
		"swallowing":     {"http1/abort", "http2/abort"},
		"copying":        {"http1/pattern", "http2/pattern"},
		"final only": {"http1/hijack", "http1/informational", "http1/read-from", "http2/informational",
			"http1/close-notifier", "http2/close-notifier", "http2/pusher"},
		"mended": {"http1/hijack", "http2/flusher"},
		"first status": {"http1/hijack", "http1/informational", "http1/read-from", "http2/informational",
			"http1/close-notifier", "http2/close-notifier", "http2/pusher"},
	}
	failed := regexp.MustCompile(`(?m)^ +--- FAIL: TestRunFindsFaults/(\S+)`)
	for name := range broken {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(os.Args[0], "-test.run=^TestRunFindsFaults$")
			cmd.Env = append(os.Environ(), "MIDDLEWARETEST_BROKEN="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the checks find nothing:\n%s", out)
			}
			var got []string
			for _, m := range failed.FindAllSubmatch(out, -1) {
				if n := string(m[1]); strings.Contains(n, "/") {
					got = append(got, n)
				}
			}
			expected := slices.Sorted(slices.Values(want[name]))
			slices.Sort(got)
			if expected == nil {
				for _, must := range []string{"http1/first-byte", "http2/first-byte", "http1/hijack"} {
					if !slices.Contains(got, must) {
						t.Errorf("%s was not found", must)
					}
				}
				return
			}
			if !slices.Equal(got, expected) {
				t.Errorf("found %v, want %v", got, expected)
			}
		})
	}
}

var broken = map[string]func(http.Handler) http.Handler{
	"bare":           testkit.Foreign()["bare"],
	"unwrapping":     testkit.Foreign()["unwrapping"],
	"mended":         func(h http.Handler) http.Handler { return h }, // and the list of what it fails is old
	"TimeoutHandler": func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Minute, "") },
	"swallowing": func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			defer func() { _ = recover() }()
			h.ServeHTTP(w, r)
		})
	},
	"copying": func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(w, r.WithContext(r.Context())) })
	},
	"final only": func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&final{once{w: w}}, r) })
	},
	"first status": func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.ServeHTTP(&once{w: w}, r) })
	},
}

// final drops everything before the final status.
type final struct{ once }

func (f *final) WriteHeader(status int) {
	if status >= 200 {
		f.once.WriteHeader(status)
	}
}

// once passes on only the first status, as wrappers older than 1xx do.
type once struct {
	w    http.ResponseWriter
	done bool
}

func (o *once) Header() http.Header         { return o.w.Header() }
func (o *once) Write(p []byte) (int, error) { return o.w.Write(p) }
func (o *once) Unwrap() http.ResponseWriter { return o.w }
func (o *once) Flush()                      { _ = http.NewResponseController(o.w).Flush() }
func (o *once) WriteHeader(status int) {
	if !o.done {
		o.done = true
		o.w.WriteHeader(status)
	}
}

// TestRunKnownFailuresPass: known failures, by the names that go test prints, fail no
// test.
func TestRunKnownFailuresPass(t *testing.T) {
	middlewaretest.Run(t, testkit.Foreign()["unwrapping"], "http1/flusher", "http1/hijack", "http1/read-from", "http2/flusher",
		"http1/close-notifier", "http2/close-notifier", "http2/pusher")
}

func ExampleRun() {
	// In a test of your own:
	_ = func(t *testing.T) {
		middlewaretest.Run(t, middleware.Timeout(time.Second))
	}
	// Output:
}
