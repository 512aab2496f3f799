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
	"testing/synctest"
	"time"
)

// A Transport carries requests to a handler.
type Transport struct {
	Name  string
	start func(testing.TB, http.Handler) (client *http.Client, url string)
}

// Recorder, HTTP1 and HTTP2 are the three ways to call a handler. Most users test with
// the recorder; HTTP/1.1 and HTTP/2 run over loopback connections, HTTP/2 without TLS.
var (
	Recorder = Transport{"recorder", startRecorder}
	HTTP1    = Transport{"http1", startHTTP1}
	HTTP2    = Transport{"http2", startHTTP2}
)

// Transports returns all three.
func Transports() []Transport { return []Transport{Recorder, HTTP1, HTTP2} }

// Wire returns the two that use a connection.
func Wire() []Transport { return []Transport{HTTP1, HTTP2} }

// Run runs the test once for each of the transports.
func Run(t *testing.T, over []Transport, test func(*testing.T, Transport)) {
	for _, tr := range over {
		t.Run(tr.Name, func(t *testing.T) { test(t, tr) })
	}
}

// Bubbles runs the test in bubbles of testing/synctest, over HTTP/1.1 and HTTP/2 on
// in-memory connections.
func Bubbles(t *testing.T, test func(*testing.T, Transport)) {
	for _, tr := range []Transport{{"http1", startLinked1}, {"http2", startLinked2}} {
		t.Run(tr.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { test(t, tr) })
		})
	}
}

// Serve starts h and returns a client for it, which follows no redirects and requests
// no compression, and the base URL. Both end with the test. The error log of net/http
// goes to the test's log.
func (tr Transport) Serve(t testing.TB, h http.Handler) (*http.Client, string) {
	client, url := tr.start(t, h)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client, url
}

// Do sends one request to h. The URL of r needs only a path.
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
	if r.Host != "" && r.Host != "example.com" { // the default of httptest.NewRequest
		out.Host = r.Host
	}
	return out
}

// Body reads the rest of the response.
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

func startHTTP1(t testing.TB, h http.Handler) (*http.Client, string) { return onLoopback(t, h, 1) }
func startHTTP2(t testing.TB, h http.Handler) (*http.Client, string) { return onLoopback(t, h, 2) }

// patience is how long a loopback server runs for its test. It is longer than any test
// takes on a busy machine, and ends those that would wait forever.
const patience = 2 * time.Minute

func onLoopback(t testing.TB, h http.Handler, protocol int) (*http.Client, string) {
	t.Helper()
	network, err := Loopback()
	if err != nil {
		t.Fatal(err)
	}
	client, url, end := start(t, h, protocol, network)
	stuck := time.AfterFunc(patience, func() {
		t.Errorf("the test still waits after %v:\n%s", patience, Stacks())
		end()
	})
	t.Cleanup(func() {
		stuck.Stop()
		end()
	})
	return client, url
}

func startLinked1(t testing.TB, h http.Handler) (*http.Client, string) { return linked(t, h, 1) }
func startLinked2(t testing.TB, h http.Handler) (*http.Client, string) { return linked(t, h, 2) }

func linked(t testing.TB, h http.Handler, protocol int) (*http.Client, string) {
	client, url, end := start(t, h, protocol, InMemory())
	t.Cleanup(func() {
		end()
		time.Sleep(time.Second) // net/http lingers for half of that on a connection that it ends early
	})
	return client, url
}

// start serves h on a network, until it is told to end, which may happen twice.
func start(t testing.TB, h http.Handler, protocol int, network Network) (client *http.Client, url string, end func()) {
	var protocols http.Protocols
	protocols.SetHTTP1(protocol == 1)
	protocols.SetUnencryptedHTTP2(protocol == 2)
	logs := &testWriter{t: t}
	server := &http.Server{
		Handler:   h,
		Protocols: &protocols,
		ErrorLog:  log.New(logs, "", 0),
	}
	served := make(chan struct{})
	go func() { defer close(served); _ = server.Serve(network) }()
	transport := &http.Transport{
		Protocols:          &protocols,
		DisableCompression: true,
		DialContext:        func(ctx context.Context, _, _ string) (net.Conn, error) { return network.Dial(ctx) },
	}
	return &http.Client{Transport: transport}, "http://" + network.Addr().String(), func() {
		transport.CloseIdleConnections()
		_ = server.Close()
		<-served
		logs.stop()
	}
}

// A testWriter writes to the log of a test while that runs: Close does not wait for the
// handlers of a server.
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
