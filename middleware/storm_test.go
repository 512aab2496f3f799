package middleware_test

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// Storms find what no single test does: handlers, timers and clients race as closely as
// the scheduler lets them. Each sends a few hundred requests; -storm makes them longer,
// under the race detector (make storm).

var stormFor = flag.Duration("storm", 0, "how long each storm takes over each transport, in place of a few hundred requests")

const (
	stormRequests = 100
	stormClients  = 12
	stormLimit    = 15 * time.Millisecond // of the Timeout
)

// An outcome is how a client sees a response.
type outcome string

const (
	isWhole   outcome = "whole"   // the handler's, all of it
	isTimeout outcome = "504"     // all of it
	isFailure outcome = "500"     // all of it
	isCut     outcome = "cut"     // a client can detect it
	isSlow    outcome = "slow"    // cut after the second in which a 504 has to be received: the machine stalled
	isWrong   outcome = "wrong: " // a part that passes for the whole, an empty 200, a mixture
)

// judge classifies what a client received. Bodies of handlers end in a dot, so that a
// part differs from the whole.
func judge(status int, body string, err error) outcome {
	switch {
	case err != nil:
		return isCut
	case status == 504 && body == gatewayTimeout:
		return isTimeout
	case status == 500 && strings.HasPrefix(body, `{"title":"Internal Server Error","status":500`):
		return isFailure
	case status == 200 && strings.HasSuffix(body, "."):
		return isWhole
	}
	return isWrong + outcome(fmt.Sprintf("%d %.60q", status, body))
}

// An asking sends one request, and returns the outcome with the error of reading the
// response.
type asking func() (outcome, error)

// A wire sends requests to a handler, from several goroutines, until stop.
type wire struct {
	name  string
	serve func(*testing.T, http.Handler) (ask asking)
}

var wires = []wire{
	{"http1.0", http10},
	{"http1", overTransport(testkit.HTTP1)},
	{"http2", overTransport(testkit.HTTP2)},
	{"recorder", recorded},
}

func overTransport(tr testkit.Transport) func(*testing.T, http.Handler) asking {
	return func(t *testing.T, h http.Handler) asking {
		client, url := tr.Serve(t, unlogged(h))
		client.Transport.(*http.Transport).MaxIdleConnsPerHost = stormClients
		client.Timeout = time.Minute
		return func() (outcome, error) {
			r, _ := http.NewRequest("GET", url, nil)
			status, _, body, err := fetch(client, r)
			return judge(status, body, err), err
		}
	}
}

// http10 is the protocol of proxies, where the end of a connection is the end of a
// body.
func http10(t *testing.T, h http.Handler) asking {
	_, base := testkit.HTTP1.Serve(t, unlogged(h))
	return func() (outcome, error) {
		status, body, err := get10(strings.TrimPrefix(base, "http://"), "/")
		return judge(status, body, err), err
	}
}

// get10 sends an HTTP/1.0 GET request. The error is one of reading: a connection that
// was reset, or an end before all of a declared length.
func get10(addr, path string) (status int, body string, err error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0, "", err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.0\r\n\r\n"); err != nil {
		return 0, "", err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: "GET", URL: new(url.URL)})
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), err
}

// recorded calls the handler as tests do.
func recorded(_ *testing.T, h http.Handler) asking {
	return func() (got outcome, err error) {
		defer func() {
			if v := recover(); v != nil {
				got, err = isCut, fmt.Errorf("panic: %v", v)
			}
		}()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		return judge(w.Code, w.Body.String(), nil), nil
	}
}

// unlogged replaces every panic with the one that net/http does not log.
func unlogged(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if v := recover(); v != nil {
				panic(http.ErrAbortHandler)
			}
		}()
		h.ServeHTTP(w, r)
	})
}

// blow sends many concurrent requests to h, and fails for an outcome that is not
// allowed. If exact, each incomplete response has left one record.
func blow(t *testing.T, w wire, h http.Handler, log *testkit.Log, exact bool, allowed ...outcome) {
	ask := w.serve(t, h)
	seen := make(map[outcome]int)
	var mu sync.Mutex
	var clients sync.WaitGroup
	start, left := time.Now(), stormRequests
	next := func(got outcome, err error, took time.Duration) bool {
		mu.Lock()
		defer mu.Unlock()
		if got != "" {
			seen[got]++
			if got != isSlow && !slices.Contains(allowed, got) {
				t.Errorf("%s after %v: %v", got, took, err)
			}
		}
		left--
		if *stormFor > 0 {
			return time.Since(start) < *stormFor
		}
		return left >= 0
	}
	for range stormClients {
		clients.Go(func() {
			for more := next("", nil, 0); more; {
				begun := time.Now()
				got, err := ask()
				took := time.Since(begun)
				if got == isCut && took > time.Second {
					got = isSlow
				}
				more = next(got, err, took)
			}
		})
	}
	clients.Wait()
	t.Logf("%v in %v", seen, time.Since(start).Round(time.Second))
	if exact {
		failed := seen[isTimeout] + seen[isFailure] + seen[isCut]
		eventually(t, "one record for each that failed", func() bool { return log.Len() >= failed })
		if n := log.Len(); n < failed || n > failed+seen[isSlow] {
			t.Errorf("%d records of %d that failed", n, failed)
		}
	}
}

// near sleeps until about the deadline of the request.
func near(r *http.Request) { around(r, 600*time.Microsecond) }

func around(r *http.Request, spread time.Duration) {
	end, _ := r.Context().Deadline()
	time.Sleep(time.Until(end) - spread/2 + rand.N(spread))
}
