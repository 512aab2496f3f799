package ratelimit_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/examples/compose/internal/loopback"
	"github.com/apiece/apiece/examples/compose/ratelimit"
	"github.com/apiece/apiece/reply"
)

var hello = reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
	return reply.Send(w, r, 200, "hello")
})

// TestPerClientResponse: a request above the limit gets 429, in the error format of the service
// and with Retry-After.
func TestPerClientResponse(t *testing.T) {
	loopback.Both(t, ratelimit.PerClient(2, time.Hour)(hello), func(t *testing.T, s *loopback.Server) {
		s.Do("GET", "/", "") // the second protocol finds these used up, by the same client
		s.Do("GET", "/", "")
		resp, body := s.Do("GET", "/", "")
		h := resp.Header
		if resp.StatusCode != 429 || h.Get("Retry-After") != "3600" || h.Get("X-RateLimit-Remaining") != "0" ||
			h.Get("Content-Type") != "application/problem+json" ||
			body != `{"title":"Too Many Requests","status":429,"detail":"Too many requests, try again later"}` {
			t.Errorf("%d %v %s", resp.StatusCode, h, body)
		}
	})
}

// TestPerClientForgedKey: a client cannot forge another key.
func TestPerClientForgedKey(t *testing.T) {
	s := loopback.Serve(t, ratelimit.PerClient(1, time.Hour)(hello))
	s.Do("GET", "/", "")
	for _, field := range []string{
		"X-Forwarded-For: 203.0.113.7", "X-Real-IP: 203.0.113.7", "True-Client-IP: 203.0.113.7",
		"CF-Connecting-IP: 203.0.113.7", "Forwarded: for=203.0.113.7", "X-Forwarded-For: ", "X-Forwarded-For: 127.0.0.2",
	} {
		if resp, _ := s.Do("GET", "/", "", field); resp.StatusCode != 429 {
			t.Errorf("with %q: %d", field, resp.StatusCode)
		}
	}
}

// TestPerClientBehindProxy: behind a reverse proxy that appends to X-Forwarded-For, the appended
// address identifies a client, whatever was there before.
func TestPerClientBehindProxy(t *testing.T) {
	loopbackNet := netip.MustParsePrefix("127.0.0.0/8")
	service := loopback.Serve(t, ratelimit.PerClient(1, time.Hour, loopbackNet)(hello))
	origin, err := url.Parse(service.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := loopback.Serve(t, &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(origin)
		// Like $proxy_add_x_forwarded_for of nginx; X-Test-Client has the simulated
		// address of the connection.
		p.Out.Header["X-Forwarded-For"] = append(p.In.Header["X-Forwarded-For"], p.In.Header.Get("X-Test-Client"))
	}})
	get := func(client, forwarded string) int {
		resp, _ := proxy.Do("GET", "/", "", "X-Test-Client: "+client, "X-Forwarded-For: "+forwarded)
		return resp.StatusCode
	}
	for _, step := range []struct {
		client, forwarded string
		status            int
		why               string
	}{
		{"203.0.113.1", "", 200, "the first of one client"},
		{"203.0.113.1", "198.51.100.1", 429, "the same one, with an address made up"},
		{"203.0.113.1", "198.51.100.1, 127.0.0.1", 429, "or with one of the proxy's own"},
		{"203.0.113.2", "203.0.113.1", 200, "another, who claims to be the first"},
		{"203.0.113.2:4711", "", 429, "that one, from a proxy that adds the port"},
		{"2001:db8::1", "", 200, "a third, by IPv6"},
		{"2001:db8::2", "", 429, "the third, from another address of its network"},
		{"::ffff:203.0.113.1", "", 429, "the first, as an IPv6 socket sees it"},
		{"2001:db8::1%eth0", "", 429, "the third again, with a zone"},
		{"203.0.113.1, ::ffff:127.0.0.9", "", 429, "the first, by two proxies"},
		{"127.0.0.9, nonsense", "203.0.113.99", 200, "a proxy that writes nonsense is itself the client"},
		{"nonsense", "203.0.113.98", 429, "which is one client for all its nonsense"},
	} {
		if status := get(step.client, step.forwarded); status != step.status {
			t.Errorf("%s, X-Forwarded-For %q: %d, want %d: %s", step.client, step.forwarded, status, step.status, step.why)
		}
	}
}

// TestPerClientNextWindow: requests are allowed again in the next window.
func TestPerClientNextWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := ratelimit.PerClient(2, time.Minute)(hello)
		get := func() int {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			return w.Code
		}
		if got := [3]int{get(), get(), get()}; got != [3]int{200, 200, 429} {
			t.Errorf("at first: %v", got)
		}
		time.Sleep(2 * time.Minute)
		if got := [3]int{get(), get(), get()}; got != [3]int{200, 200, 429} {
			t.Errorf("two windows later: %v", got)
		}
	})
}

// TestPerClientWithoutAddress: a request without an address, as over a Unix socket, is rejected and
// logged. The response does not say why.
func TestPerClientWithoutAddress(t *testing.T) {
	var log bytes.Buffer
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = "@"
	w := httptest.NewRecorder()
	ratelimit.PerClient(1, time.Hour)(hello).ServeHTTP(w, r)
	if w.Code != 503 || strings.Contains(w.Body.String(), "address") || !strings.Contains(log.String(), "the address of the client") {
		t.Errorf("%d %s, log: %s", w.Code, w.Body, &log)
	}
}

func Example() {
	service := ratelimit.PerClient(2, time.Minute)(hello)
	for i := range 3 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("X-Forwarded-For", fmt.Sprint("203.0.113.", i)) // does nothing
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Header().Get("Retry-After"), w.Body)
	}
	// Output:
	// 200  hello
	// 200  hello
	// 429 60 {"title":"Too Many Requests","status":429,"detail":"Too many requests, try again later"}
}
