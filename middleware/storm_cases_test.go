package middleware_test

import (
	"context"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

var discard = slog.New(slog.DiscardHandler)

// gale runs a storm over each transport.
func gale(t *testing.T, h func(log *testkit.Log) http.Handler, exact bool, allowed ...outcome) {
	galeOver(t, wires, h, exact, allowed...)
}

func galeOver(t *testing.T, over []wire, h func(log *testkit.Log) http.Handler, exact bool, allowed ...outcome) {
	for _, w := range over {
		t.Run(w.name, func(t *testing.T) {
			log := testkit.Log{Last: 100}
			blow(t, w, h(&log), &log, exact, allowed...)
		})
	}
}

// derive creates a context as a query does, and checks how it ends.
func derive(t *testing.T, r *http.Request) (stop func()) {
	ctx, cancel := context.WithCancel(user(r.Context()))
	return func() {
		inOrder(t, "the request's context", r.Context())
		inOrder(t, "a derived context", ctx)
		cancel()
	}
}

// TestStormSmallResponses: a response that fits into the held-back part is complete, or
// the client gets a complete 504: nothing is ever cut.
func TestStormSmallResponses(t *testing.T) {
	gale(t, func(log *testkit.Log) http.Handler {
		return within(stormLimit, log, func(w http.ResponseWriter, r *http.Request) {
			around(r, 2*time.Millisecond)
			if rand.IntN(2) == 0 {
				w.Header().Set("Content-Length", "6")
			}
			io.WriteString(w, "small.")
			time.Sleep(rand.N(500 * time.Microsecond))
		})
	}, true, isWhole, isTimeout)
}

// TestStormFailures: an error near the deadline gets one response and one record,
// through the layers that check what was sent.
func TestStormFailures(t *testing.T) {
	fails := reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		near(r)
		if rand.IntN(2) == 0 {
			return &httpError{}
		}
		return reply.JSON(w, r, 200, func() {})
	})
	for name, h := range map[string]func(*testkit.Log) http.Handler{
		"recover outside": func(log *testkit.Log) http.Handler {
			return middleware.Recover(log.Logger())(within(stormLimit, log, saying(log, fails).ServeHTTP))
		},
		"config": func(log *testkit.Log) http.Handler {
			return middleware.New(middleware.Config{MaxDuration: stormLimit, Logger: log.Logger()})(fails)
		},
		"limit outside": func(log *testkit.Log) http.Handler {
			return middleware.ResponseLimitWith(middleware.ResponseLimitConfig{
				Limit: 2000, Action: middleware.LimitAbort, Logger: log.Logger(),
			})(within(stormLimit, log, saying(log, fails).ServeHTTP))
		},
	} {
		t.Run(name, func(t *testing.T) { gale(t, h, true, isFailure, isTimeout) })
	}
}

// saying makes everything inside log to log.
func saying(log *testkit.Log, h http.Handler) http.Handler {
	return middleware.New(middleware.Config{Logger: log.Logger()})(h)
}

type httpError struct{}

func (*httpError) Error() string { return "broken" }

// TestStormHijack: connections that are hijacked at the deadline, as WebSockets are.
func TestStormHijack(t *testing.T) {
	for name, around := range map[string]func(http.Handler) http.Handler{
		"one": func(h http.Handler) http.Handler { return h },
		"two": middleware.TimeoutWith(middleware.TimeoutConfig{Duration: stormLimit + 50*time.Microsecond, Logger: discard}),
	} {
		t.Run(name, func(t *testing.T) {
			gale(t, func(log *testkit.Log) http.Handler {
				return around(within(stormLimit, log, func(w http.ResponseWriter, r *http.Request) {
					defer derive(t, r)()
					near(r)
					conn, buf, err := http.NewResponseController(w).Hijack()
					if err != nil {
						io.WriteString(w, "not here.") // on HTTP/2, or it is too late
						return
					}
					defer conn.Close()
					time.Sleep(time.Millisecond)
					if err := r.Context().Err(); err != nil {
						t.Errorf("the connection is the handler's, and its context has ended: %v", err)
					}
					io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nmine.")
					buf.Flush()
				}))
			}, false, isWhole, isTimeout)
		})
	}
}

// TestStormNested: two deadlines that nearly coincide, and a part that was flushed.
func TestStormNested(t *testing.T) {
	gale(t, func(log *testkit.Log) http.Handler {
		var nests []http.Handler
		for _, apart := range []time.Duration{0, 2, 5, 10, 20, 40, 80, 160} {
			handler := func(w http.ResponseWriter, r *http.Request) {
				defer derive(t, r)()
				if rand.IntN(4) > 0 {
					io.WriteString(w, "part")
					http.NewResponseController(w).Flush()
				}
				if rand.IntN(4) > 0 {
					late(w, r)
				} else {
					near(r)
				}
				io.WriteString(w, "end.")
			}
			inner := within(stormLimit-apart*time.Microsecond, log, handler)
			nests = append(nests, within(stormLimit, log, inner.ServeHTTP))
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { nests[rand.IntN(len(nests))].ServeHTTP(w, r) })
	}, false, isWhole, isTimeout, isCut)
}

// TestStormLimits: a size limit that is exceeded, and flushes, at the deadline.
func TestStormLimits(t *testing.T) {
	limit := middleware.ResponseLimitWith(middleware.ResponseLimitConfig{Limit: 8000, Action: middleware.LimitAbort, Logger: discard})
	handler := func(w http.ResponseWriter, r *http.Request) {
		rc, part := http.NewResponseController(w), make([]byte, rand.IntN(10_000))
		if rand.IntN(3) == 0 {
			w.Write(part)
			rc.Flush()
		}
		near(r)
		for range rand.IntN(4) {
			w.Write(part)
		}
		if rand.IntN(2) == 0 {
			rc.Flush()
		}
		io.WriteString(w, "end.")
	}
	for name, h := range map[string]func(*testkit.Log) http.Handler{
		"inside": func(log *testkit.Log) http.Handler {
			return within(stormLimit, log, limit(http.HandlerFunc(handler)).ServeHTTP)
		},
		"outside": func(log *testkit.Log) http.Handler { return limit(within(stormLimit, log, handler)) },
		"both": func(log *testkit.Log) http.Handler {
			return limit(within(stormLimit, log, limit(http.HandlerFunc(handler)).ServeHTTP))
		},
	} {
		t.Run(name, func(t *testing.T) { gale(t, h, false, isWhole, isTimeout, isFailure, isCut) })
	}
}

// TestStormReverseProxy: a proxy inside a Timeout, whose upstream is slow, and one
// whose upstream has the Timeout.
func TestStormReverseProxy(t *testing.T) {
	parts := func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		time.Sleep(stormLimit - 2*time.Millisecond)
		for range rand.IntN(8) {
			io.WriteString(w, "part")
			rc.Flush()
			time.Sleep(rand.N(time.Millisecond))
		}
		io.WriteString(w, "end.")
	}
	proxy := func(t *testing.T, upstream http.Handler) http.Handler {
		server := httptest.NewServer(unlogged(upstream)) // runs for as long as the storms take
		t.Cleanup(server.Close)
		target, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		transport := &http.Transport{MaxIdleConnsPerHost: stormClients}
		t.Cleanup(transport.CloseIdleConnections)
		return &httputil.ReverseProxy{
			Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
			Transport:     transport,
			FlushInterval: -1,
			ErrorLog:      log.New(io.Discard, "", 0),
			ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
				panic(http.ErrAbortHandler) // if the upstream cuts, the client is cut
			},
		}
	}
	t.Run("inside", func(t *testing.T) {
		gale(t, func(log *testkit.Log) http.Handler {
			return middleware.Recover(discard)(within(stormLimit, log, proxy(t, http.HandlerFunc(parts)).ServeHTTP))
		}, false, isWhole, isTimeout, isCut)
	})
	t.Run("around", func(t *testing.T) { // over connections: without one a ReverseProxy only logs what breaks off
		galeOver(t, wires[:3], func(log *testkit.Log) http.Handler {
			return middleware.Recover(discard)(proxy(t, within(stormLimit, log, parts)))
		}, false, isWhole, isTimeout, isCut)
	})
}
