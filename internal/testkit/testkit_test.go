package testkit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestLeaksAreFound(t *testing.T) {
	stop := make(chan struct{})
	go forgotten(stop)
	left := testkit.Leaked(0)
	for deadline := time.Now().Add(5 * time.Second); len(left) == 0 && time.Now().Before(deadline); {
		left = testkit.Leaked(0) // until the goroutine has begun
	}
	if len(left) != 1 || !strings.Contains(left[0], "forgotten") {
		t.Errorf("found %d: %s", len(left), left)
	}
	close(stop)
	if left := testkit.Leaked(5 * time.Second); len(left) != 0 {
		t.Errorf("still there: %s", left)
	}
}

func forgotten(stop chan struct{}) { <-stop }

// TestTransports: what a handler sees and what a client gets is the same over
// each, where the protocol allows.
func TestTransports(t *testing.T) {
	for tr, protocol := range map[string]string{"recorder": "HTTP/1.1", "http1": "HTTP/1.1", "http2": "HTTP/2.0"} {
		for _, transport := range testkit.Transports() {
			if transport.Name != tr {
				continue
			}
			t.Run(tr, func(t *testing.T) {
				h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					w.Header().Set("X-Proto", r.Proto)
					w.WriteHeader(http.StatusAccepted)
					io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-In")+" "+string(body))
				})
				r := httptest.NewRequest("PUT", "/a%2Fb?x=1", strings.NewReader("body"))
				r.Header.Set("X-In", "in")
				resp := transport.Do(t, h, r)
				if got := testkit.Body(t, resp); got != "PUT /a%2Fb?x=1 in body" || resp.StatusCode != 202 || resp.Header.Get("X-Proto") != protocol {
					t.Errorf("%s %q %v", resp.Status, got, resp.Header)
				}
			})
		}
	}
}
