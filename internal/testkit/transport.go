package testkit

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// A Transport carries requests to a handler.
type Transport struct {
	Name  string
	start func(testing.TB, http.Handler) (client *http.Client, url string)
}

// Recorder, HTTP1 and HTTP2 are the three ways a handler is called. The
// recorder is what most users test with; HTTP/1.1 and HTTP/2 run over loopback
// connections, HTTP/2 without TLS.
var (
	Recorder = Transport{"recorder", startRecorder}
	HTTP1    = Transport{"http1", startHTTP1}
	HTTP2    = Transport{"http2", startHTTP2}
)

// Transports returns all three.
func Transports() []Transport { return []Transport{Recorder, HTTP1, HTTP2} }

// Wire returns the two with a connection.
func Wire() []Transport { return []Transport{HTTP1, HTTP2} }

// Run runs the test once for each of the transports.
func Run(t *testing.T, over []Transport, test func(*testing.T, Transport)) {
	for _, tr := range over {
		t.Run(tr.Name, func(t *testing.T) { test(t, tr) })
	}
}

// Serve starts h and returns a client for it, which follows no redirects and
// asks for no compression, and the base URL. Both end with the test. What
// net/http itself would log goes to the test's log.
func (tr Transport) Serve(t testing.TB, h http.Handler) (*http.Client, string) {
	client, url := tr.start(t, h)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, url
}

// Do sends one request to h. The URL of r needs a path only.
func (tr Transport) Do(t testing.TB, h http.Handler, r *http.Request) *http.Response {
	t.Helper()
	client, base := tr.Serve(t, h)
	resp, err := client.Do(At(t, base, r))
	if err != nil {
		t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// At returns r as a client request to the server at base.
func At(t testing.TB, base string, r *http.Request) *http.Request {
	t.Helper()
	out, err := http.NewRequestWithContext(r.Context(), r.Method, base+r.URL.RequestURI(), r.Body)
	if err != nil {
		t.Fatal(err)
	}
	out.Header = r.Header.Clone()
	out.ContentLength = r.ContentLength
	if r.Host != "" && r.Host != "example.com" { // what httptest.NewRequest puts there
		out.Host = r.Host
	}
	return out
}

// Body reads what is left of the response.
func Body(t testing.TB, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the response: %v", err)
	}
	return string(b)
}

func startRecorder(t testing.TB, h http.Handler) (*http.Client, string) {
	return &http.Client{Transport: recorder{h}}, "http://recorder.test"
}

// recorder is an http.RoundTripper that calls a handler, as httptest does.
type recorder struct{ h http.Handler }

func (rt recorder) RoundTrip(out *http.Request) (*http.Response, error) {
	body := out.Body
	if body == nil {
		body = http.NoBody
	}
	r := httptest.NewRequestWithContext(out.Context(), out.Method, out.URL.RequestURI(), body)
	r.Header = out.Header.Clone()
	r.ContentLength = out.ContentLength
	r.Host = out.URL.Host
	if out.Host != "" {
		r.Host = out.Host
	}
	w := httptest.NewRecorder()
	rt.h.ServeHTTP(w, r)
	resp := w.Result()
	resp.Request = out
	return resp, nil
}

func startHTTP1(t testing.TB, h http.Handler) (*http.Client, string) {
	return startServer(t, h, func(p *http.Protocols) { p.SetHTTP1(true) })
}

func startHTTP2(t testing.TB, h http.Handler) (*http.Client, string) {
	return startServer(t, h, func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
}

func startServer(t testing.TB, h http.Handler, set func(*http.Protocols)) (*http.Client, string) {
	t.Helper()
	var protocols http.Protocols
	set(&protocols)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	logs := &testWriter{t: t}
	server := &http.Server{
		Handler:   h,
		Protocols: &protocols,
		ErrorLog:  log.New(logs, "", 0),
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	transport := &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
		},
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
		logs.stop()
	})
	return &http.Client{Transport: transport}, "http://" + l.Addr().String()
}

// A testWriter writes to the log of a test, for as long as that runs: Close does
// not wait for the handlers of a server.
type testWriter struct {
	mu   sync.Mutex
	t    testing.TB
	over bool
}

func (w *testWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.over {
		w.t.Logf("net/http: %s", p)
	}
	return len(p), nil
}

func (w *testWriter) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}
