package testkit_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Main(m) }

func TestMainFindsLeaks(t *testing.T) {
	stop := make(chan struct{})
	go forgotten(stop)
	found := func() bool {
		return slices.ContainsFunc(testkit.Leaked(0), func(stack string) bool { return strings.Contains(stack, "forgotten") })
	}
	deadline := time.Now().Add(time.Minute)
	for !found() && time.Now().Before(deadline) {
		runtime.Gosched() // until the goroutine has begun
	}
	if !found() {
		t.Error("a goroutine that was left behind is not found")
	}
	close(stop)
	for found() && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if found() {
		t.Error("a goroutine that has ended is still found")
	}
}

func forgotten(stop chan struct{}) { <-stop }

// TestTransportsAgree: handler and client see the same over each, where the protocol
// allows.
func TestTransportsAgree(t *testing.T) {
	protocols := map[string]string{"recorder": "HTTP/1.1", "http1": "HTTP/1.1", "http2": "HTTP/2.0"}
	for _, tr := range testkit.Transports() {
		t.Run(tr.Name, func(t *testing.T) { carries(t, tr, protocols[tr.Name]) })
	}
	t.Run("bubble", func(t *testing.T) {
		testkit.Bubbles(t, func(t *testing.T, tr testkit.Transport) { carries(t, tr, protocols[tr.Name]) })
	})
}

func carries(t *testing.T, tr testkit.Transport, protocol string) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Proto", r.Proto)
		w.WriteHeader(http.StatusAccepted)
		io.WriteString(w, r.Method+" "+r.URL.RequestURI()+" "+r.Header.Get("X-In")+" "+string(body))
	})
	r := httptest.NewRequest("PUT", "/a%2Fb?x=1", strings.NewReader("body"))
	r.Header.Set("X-In", "in")
	resp := tr.Do(t, h, r)
	if got := testkit.Body(t, resp); got != "PUT /a%2Fb?x=1 in body" || resp.StatusCode != 202 || resp.Header.Get("X-Proto") != protocol {
		t.Errorf("%s %q %v", resp.Status, got, resp.Header)
	}
}
