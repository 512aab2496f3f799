// Package middlewaretest checks that a middleware takes no ability away from the
// handlers inside. It is for authors of any middleware, not only of this module:
//
//	func TestTransparent(t *testing.T) {
//		middlewaretest.Run(t, mymiddleware.New())
//	}
//
// Wrappers of the ResponseWriter often break these: a stream arrives only at its end, a
// WebSocket cannot be opened, a file is copied through memory, a deadline cannot be
// set.
//
// # Differences from Next.js
//
// Next.js has no counterpart.
package middlewaretest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// Run runs each check as a subtest, over HTTP/1.1 and HTTP/2 on loopback connections.
// Each check sends one GET request, with a short deadline, through the middleware to a
// handler that does what the check is named after. The middleware must pass such a
// request on.
//
// Fails names subtests that the middleware is known to fail, such as "http1/hijack".
// They run and are skipped when they fail. One that passes is an error, so that the
// list stays accurate.
func Run(t *testing.T, middleware func(http.Handler) http.Handler, fails ...string) {
	known := make(map[string]bool)
	for _, name := range fails {
		known[name] = true
	}
	for _, protocol := range []string{"http1", "http2"} {
		for _, c := range checks {
			if c.only != "" && c.only != protocol {
				continue
			}
			name := protocol + "/" + c.name
			expected := known[name]
			delete(known, name)
			t.Run(name, func(t *testing.T) {
				switch err := c.run(newServer(t, protocol, c.name), middleware); {
				case err != nil && expected:
					t.Skipf("known to fail: %v: %s", err, c.why)
				case err != nil:
					t.Errorf("%v: %s", err, c.why)
				case expected:
					t.Error("passes: take it off the list of what fails")
				}
			})
		}
	}
	for name := range known {
		t.Errorf("there is no check called %s to fail", name)
	}
}

// A check is one ability that must keep working.
type check struct {
	name string
	only string // the only protocol that has it, "" for both
	run  func(*server, func(http.Handler) http.Handler) error
	why  string
}

var checks = []check{
	{"first-byte", "", checkFirstByte, "a flush must reach the client while the handler is still at work"},
	{"flusher", "", checkFlusher, "handlers written before http.ResponseController assert http.Flusher"},
	{"status", "", checkStatus, "the status, header and body must be the handler's"},
	{"informational", "", checkInformational, "a 1xx response is not the final one"},
	{"trailers", "", checkTrailers, "trailers are set after the body"},
	{"deadlines", "", checkDeadlines, "handlers set deadlines through http.ResponseController"},
	{"unwrap", "", checkUnwrap, "what a wrapper does not know must be found through Unwrap"},
	{"abort", "", checkAbort, "a panic with http.ErrAbortHandler must drop the connection"},
	{"pattern", "", checkPattern, "a logger outside reads the pattern that a mux inside has set"},
	{"context", "", checkContext, "the handler learns that the client is gone"},
	{"close-notifier", "", checkCloseNotifier, "gin and others assert http.CloseNotifier, which the server's writer has"},
	{"pusher", "http2", checkPusher, "handlers assert http.Pusher, which the server's writer has"},
	{"hijack", "http1", checkHijack, "websocket libraries assert http.Hijacker"},
	{"read-from", "http1", checkReadFrom, "without io.ReaderFrom a file is copied through memory instead of sent"},
	{"full-duplex", "http1", checkFullDuplex, "a handler may read and write at once"},
}

const patience = 30 * time.Second

// A server is the server and the client of one test.
type server struct {
	t         testing.TB
	path      string // of the request, unique per check: ports are reused, and caches remember
	protocols http.Protocols
	trace     *httptrace.ClientTrace
}

func newServer(t testing.TB, protocol, name string) *server {
	s := &server{t: t, path: protocol + "-" + name}
	if protocol == "http1" {
		s.protocols.SetHTTP1(true)
	} else {
		s.protocols.SetUnencryptedHTTP2(true)
	}
	return s
}

// get serves h until the check is done, and sends it a request.
func (s *server) get(h http.Handler) (*http.Response, error) {
	s.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	srv := &http.Server{Handler: h, Protocols: &s.protocols, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() { defer close(served); _ = srv.Serve(listener) }()
	transport := &http.Transport{Protocols: &s.protocols, DisableCompression: true}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	s.t.Cleanup(func() {
		cancel()
		transport.CloseIdleConnections()
		_ = srv.Close()
		<-served
	})
	if s.trace != nil {
		ctx = httptrace.WithClientTrace(ctx, s.trace)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+listener.Addr().String()+"/"+s.path, nil)
	if err != nil {
		return nil, err
	}
	resp, err := transport.RoundTrip(r)
	if err == nil {
		s.t.Cleanup(func() { resp.Body.Close() })
	}
	return resp, err
}

// handle sends a request through the middleware to the handler, and returns the
// error of either side.
func (s *server) handle(middleware func(http.Handler) http.Handler, handler func(http.ResponseWriter, *http.Request) error, client func(*http.Response) error) error {
	result := make(chan error, 1)
	resp, err := s.get(middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result <- handler(w, r)
	})))
	if err == nil {
		err = client(resp)
	}
	select {
	case handlerErr := <-result:
		return errors.Join(handlerErr, err)
	case <-time.After(patience):
		return errors.Join(errors.New("the handler did not run, or did not return"), err)
	}
}

// drained returns a client that reads the whole response and expects want.
func drained(want string) func(*http.Response) error {
	return func(resp *http.Response) error {
		body, err := io.ReadAll(resp.Body)
		if err == nil && string(body) != want {
			err = fmt.Errorf("the client read %.100q, want %q", body, want)
		}
		return err
	}
}

func checkFirstByte(s *server, middleware func(http.Handler) http.Handler) error {
	received := make(chan struct{})
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		io.WriteString(w, "first\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			return fmt.Errorf("flushing: %w", err)
		}
		select {
		case <-received:
		case <-time.After(patience / 2):
			return errors.New("the first line was held back")
		}
		io.WriteString(w, "second\n")
		return nil
	}, func(resp *http.Response) error {
		lines := bufio.NewReader(resp.Body)
		if line, err := lines.ReadString('\n'); err != nil || line != "first\n" {
			return fmt.Errorf("the client read %q, %v", line, err)
		}
		close(received)
		if line, err := lines.ReadString('\n'); err != nil || line != "second\n" {
			return fmt.Errorf("the client read %q, %v", line, err)
		}
		return nil
	})
}

func checkFlusher(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		f, ok := w.(http.Flusher)
		if !ok {
			return errors.New("no http.Flusher")
		}
		io.WriteString(w, "x")
		f.Flush()
		return nil
	}, drained("x"))
}

func checkStatus(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Add("X-Check", "a")
		w.Header().Add("X-Check", "b")
		w.WriteHeader(http.StatusTeapot)
		_, err := io.WriteString(w, "short and stout")
		return err
	}, func(resp *http.Response) error {
		if values := resp.Header["X-Check"]; resp.StatusCode != http.StatusTeapot || len(values) != 2 {
			return fmt.Errorf("the client got %s with %v", resp.Status, resp.Header)
		}
		return drained("short and stout")(resp)
	})
}

func checkInformational(s *server, middleware func(http.Handler) http.Handler) error {
	hints := 0
	s.trace = &httptrace.ClientTrace{Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
		if status == http.StatusEarlyHints {
			hints++
		}
		return nil
	}}
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		return nil
	}, func(resp *http.Response) error {
		if resp.StatusCode != http.StatusAccepted || hints != 1 {
			return fmt.Errorf("the client got %d early hints and then %s", hints, resp.Status)
		}
		return drained("")(resp)
	})
}

func checkTrailers(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		h := w.Header()
		h.Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		h.Set("X-Sum", "42")
		return nil
	}, func(resp *http.Response) error {
		if err := drained("body")(resp); err != nil {
			return err
		}
		if got := resp.Trailer.Get("X-Sum"); got != "42" {
			return fmt.Errorf("the client got the trailer %q", got)
		}
		return nil
	})
}

func checkDeadlines(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		rc := http.NewResponseController(w)
		return errors.Join(
			rc.SetReadDeadline(time.Now().Add(time.Hour)),
			rc.SetWriteDeadline(time.Now().Add(time.Hour)),
			rc.SetReadDeadline(time.Time{}),
			rc.SetWriteDeadline(time.Time{}))
	}, drained(""))
}

// marked stands for additions by a later Go version, or by the server.
type marked struct{ http.ResponseWriter }

func (w marked) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func checkUnwrap(s *server, middleware func(http.Handler) http.Handler) error {
	outer := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(marked{w}, r) })
	}
	return s.handle(func(h http.Handler) http.Handler { return outer(middleware(h)) }, func(w http.ResponseWriter, r *http.Request) error {
		for {
			if _, ok := w.(marked); ok {
				return nil
			}
			u, ok := w.(interface{ Unwrap() http.ResponseWriter })
			if !ok {
				return fmt.Errorf("%T has no Unwrap", w)
			}
			w = u.Unwrap()
		}
	}, drained(""))
}

func checkAbort(s *server, middleware func(http.Handler) http.Handler) error {
	resp, err := s.get(middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 100_000))
		panic(http.ErrAbortHandler)
	})))
	if err == nil {
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		return errors.New("the client takes the response for whole")
	}
	return nil
}

func checkPattern(s *server, middleware func(http.Handler) http.Handler) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{page}", func(http.ResponseWriter, *http.Request) {})
	seen := make(chan string, 1)
	inner := middleware(mux)
	resp, err := s.get(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		seen <- r.Pattern
	}))
	if err != nil {
		return err
	}
	if err := drained("")(resp); err != nil {
		return err
	}
	if pattern := <-seen; pattern != "GET /{page}" {
		return fmt.Errorf("the pattern outside is %q", pattern)
	}
	return nil
}

func checkContext(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		io.WriteString(w, "x")
		// The client may be gone before the flush has returned.
		if err := http.NewResponseController(w).Flush(); errors.Is(err, http.ErrNotSupported) {
			return err
		}
		select {
		case <-r.Context().Done():
			return nil
		case <-time.After(patience / 2):
			return errors.New("the context did not end")
		}
	}, func(resp *http.Response) error { return resp.Body.Close() })
}

// has runs the handler with a function that reports whether the server's own writer has
// what the handler's writer must have.
func (s *server) has(middleware func(http.Handler) http.Handler, want func(http.ResponseWriter) bool, handler func(http.ResponseWriter, *http.Request) error, client func(*http.Response) error) error {
	servers := make(chan http.ResponseWriter, 1)
	return s.handle(func(h http.Handler) http.Handler {
		inner := middleware(h)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			servers <- w
			inner.ServeHTTP(w, r)
		})
	}, func(w http.ResponseWriter, r *http.Request) error {
		if !want(<-servers) {
			return nil // a later Go release may have removed it
		}
		return handler(w, r)
	}, client)
}

func checkCloseNotifier(s *server, middleware func(http.Handler) http.Handler) error {
	return s.has(middleware, func(w http.ResponseWriter) bool {
		_, ok := w.(http.CloseNotifier) //lint:ignore SA1019 it is what is checked
		return ok
	}, func(w http.ResponseWriter, r *http.Request) error {
		c, ok := w.(http.CloseNotifier) //lint:ignore SA1019 it is what is checked
		if !ok {
			return errors.New("no http.CloseNotifier")
		}
		gone := c.CloseNotify()
		io.WriteString(w, "x")
		if err := http.NewResponseController(w).Flush(); errors.Is(err, http.ErrNotSupported) {
			return err
		}
		select {
		case <-gone:
			return nil
		case <-time.After(patience / 2):
			return errors.New("CloseNotify does not tell that the client is gone")
		}
	}, func(resp *http.Response) error { return resp.Body.Close() })
}

func checkPusher(s *server, middleware func(http.Handler) http.Handler) error {
	return s.has(middleware, func(w http.ResponseWriter) bool {
		_, ok := w.(http.Pusher)
		return ok
	}, func(w http.ResponseWriter, r *http.Request) error {
		p, ok := w.(http.Pusher)
		if !ok {
			return errors.New("no http.Pusher")
		}
		// The client disabled push, which the server reports with this error.
		if err := p.Push("/pushed", nil); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return fmt.Errorf("pushing: %w", err)
		}
		return nil
	}, drained(""))
}

func checkHijack(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		h, ok := w.(http.Hijacker)
		if !ok {
			return errors.New("no http.Hijacker")
		}
		conn, buf, err := h.Hijack()
		if err != nil {
			return fmt.Errorf("hijacking: %w", err)
		}
		defer conn.Close()
		io.WriteString(buf, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmine")
		return buf.Flush()
	}, drained("mine"))
}

func checkReadFrom(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		rf, ok := w.(io.ReaderFrom)
		if !ok {
			return errors.New("no io.ReaderFrom")
		}
		_, err := rf.ReadFrom(strings.NewReader("copied"))
		return err
	}, drained("copied"))
}

func checkFullDuplex(s *server, middleware func(http.Handler) http.Handler) error {
	return s.handle(middleware, func(w http.ResponseWriter, r *http.Request) error {
		return http.NewResponseController(w).EnableFullDuplex()
	}, drained(""))
}
