// Package loopback is what the tests of the recipes share: a server on a
// loopback connection, and requests to it that leave nothing out of sight. The
// client follows no redirect and asks for no compression.
package loopback

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A Server is one test's server and its client.
type Server struct {
	URL    string
	Client *http.Client
	t      testing.TB
	server *httptest.Server
}

// Close waits for the handlers and ends the server, earlier than the test.
func (s *Server) Close() {
	s.Client.CloseIdleConnections()
	s.server.Close()
}

// Serve starts h, over HTTP/1.1, until the test ends.
func Serve(t testing.TB, h http.Handler) *Server { return start(t, h, "HTTP/1.1") }

// Both runs the test once over HTTP/1.1 and once over HTTP/2.
func Both(t *testing.T, h http.Handler, test func(*testing.T, *Server)) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) { test(t, start(t, h, protocol)) })
	}
}

func start(t testing.TB, h http.Handler, protocol string) *Server {
	var protocols http.Protocols
	protocols.SetHTTP1(protocol == "HTTP/1.1")
	protocols.SetUnencryptedHTTP2(protocol == "HTTP/2.0")
	server := httptest.NewUnstartedServer(h)
	server.Config.Protocols = &protocols
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	s := &Server{URL: server.URL, t: t, server: server, Client: &http.Client{
		Transport:     &http.Transport{Protocols: &protocols, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(func() {
		if t.Failed() { // and perhaps never told a handler to go on
			server.CloseClientConnections()
		}
		s.Close()
	})
	return s
}

// Open sends a request and returns the response with its body still to come.
// The fields are lines of the header, "Name: value", or "" for none.
func (s *Server) Open(method, path, body string, fields ...string) *http.Response {
	s.t.Helper()
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body == "" {
		r.Body = http.NoBody
	}
	for _, field := range fields {
		if name, value, ok := strings.Cut(field, ": "); ok {
			r.Header.Add(name, value)
		}
	}
	resp, err := s.Client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// Do is Open, and reads the body.
func (s *Server) Do(method, path, body string, fields ...string) (resp *http.Response, text string) {
	s.t.Helper()
	resp = s.Open(method, path, body, fields...)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatalf("%s %s: reading the response: %v", method, path, err)
	}
	return resp, string(b)
}
