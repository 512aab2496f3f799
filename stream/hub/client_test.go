package hub_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/stream"
	"github.com/apiece/apiece/stream/hub"
)

// serveHub serves the topic "t" and sends what Serve returns to ended.
func serveHub(h *hub.Hub, ended chan error, sub hub.Subscription) http.Handler {
	sub.Topics = []string{"t"}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h.Serve(w, r, sub)
		if ended != nil {
			ended <- err
		}
	})
}

// open begins a stream and reads nothing of it.
func open(t testing.TB, client *http.Client, url string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); resp.Body.Close() })
	return resp
}

// A client that never reads delays neither a healthy one nor the publisher: without a
// write timeout it stays forever, and still every event is published and received.
func TestClientStalledDelaysNoOther(t *testing.T) {
	const events, size = 600, 32 << 10
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		h := hub.New(hub.Config{WriteTimeout: -1, HistoryLimit: 64 << 20})
		client, url := tr.Serve(t, serveHub(h, nil, hub.Subscription{}))
		open(t, client, url) // the stalled one
		healthy := open(t, client, url)

		received := make(chan int)
		go func() {
			n := 0
			for e, err := range stream.NewReader(healthy.Body).All() {
				if err != nil || e.Name != "" || len(e.Data) != size {
					break
				}
				if n++; n == events {
					break
				}
			}
			received <- n
		}()
		data := strings.Repeat("x", size)
		for range events {
			publish(t, h, "t", data)
		}
		n := testkit.Soon(t, received, "the healthy client is held up")
		if n != events {
			t.Errorf("the healthy client received %d of %d", n, events)
		}
		t.Logf("publisher %d of %d, healthy client %d of %d", h.Stats().Published, events, n, events)
	})
}

func TestClientStalledIsDisconnected(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		h := hub.New(hub.Config{WriteTimeout: 50 * time.Millisecond, HistoryLimit: -1})
		ended := make(chan error, 1)
		client, url := tr.Serve(t, serveHub(h, ended, hub.Subscription{}))
		open(t, client, url)
		// More than kernels and HTTP/2 windows hold.
		data := strings.Repeat("x", 256<<10)
		for range 100 {
			publish(t, h, "t", data)
		}
		err := testkit.Soon(t, ended, "the client was never given up")
		var gone interface{ ClientGone() bool }
		if !errors.As(err, &gone) {
			t.Errorf("Serve = %v, want an error that blames the client", err)
		}
		if n := h.Stats().Disconnected; n != 1 {
			t.Errorf("%d disconnected, want 1", n)
		}
	})
}

// overtaken publishes, during the first write, more than the history holds.
type overtaken struct {
	http.ResponseWriter
	publish func()
}

func (o *overtaken) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (o *overtaken) Write(p []byte) (int, error) {
	if strings.Contains(string(p), "data: first") {
		o.publish()
	}
	return o.ResponseWriter.Write(p)
}

// A client that is disconnected for being slow sees a cut: several clients do not
// reconnect after a normal end. That does not depend on the handler.
func TestClientTooSlowIsCut(t *testing.T) {
	over := append(testkit.Wire(), testkit.Transport{Name: "HTTP/1.0"})
	for _, tr := range over {
		t.Run(tr.Name, func(t *testing.T) {
			h := hub.New(hub.Config{MaxHistory: 2})
			publish(t, h, "t", "first")
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_ = h.Serve(&overtaken{w, func() { publish(t, h, "t", "1 2 3") }}, r, hub.Subscription{Topics: []string{"t"}, History: -1})
			})
			var body []byte
			var err error
			if tr.Name == "HTTP/1.0" {
				server := httptest.NewServer(handler)
				defer server.Close()
				conn, dialErr := net.Dial("tcp", server.Listener.Addr().String())
				if dialErr != nil {
					t.Fatal(dialErr)
				}
				defer conn.Close()
				fmt.Fprintf(conn, "GET / HTTP/1.0\r\n\r\n")
				body, err = io.ReadAll(conn)
			} else {
				client, url := tr.Serve(t, handler)
				body, err = io.ReadAll(open(t, client, url).Body)
			}
			if n := h.Stats().Disconnected; err == nil || n != 1 {
				t.Errorf("%q and then %v, %d disconnected", body, err, n)
			}
		})
	}
}

func TestClientLeaves(t *testing.T) {
	for name, leave := range map[string]func(*net.TCPConn){
		"closes": func(c *net.TCPConn) { c.Close() },
		"resets": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			h := hub.New(hub.Config{})
			ended := make(chan error, 1)
			server := httptest.NewServer(serveHub(h, ended, hub.Subscription{}))
			defer server.Close()
			conn, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
			if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "200") {
				t.Fatal(line, err)
			}
			leave(conn.(*net.TCPConn))
			if err := testkit.Soon(t, ended, "it was not noticed"); err != nil {
				t.Errorf("Serve = %v, want nil for a client that left", err)
			}
		})
	}
}

// Heartbeats detect a dead connection: they fill the buffers of the kernel until one
// times out. The pipe here has no buffer, to get there sooner.
func TestClientHalfOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{Heartbeat: 20 * time.Millisecond, WriteTimeout: 20 * time.Millisecond})
		ended := make(chan error, 1)
		ours, theirs := net.Pipe()
		defer theirs.Close()
		l := &oneConn{conn: ours, closed: make(chan bool)}
		server := &http.Server{Handler: serveHub(h, ended, hub.Subscription{})}
		served := make(chan bool)
		go func() { defer close(served); server.Serve(l) }()
		defer func() {
			server.Close()
			<-served
			time.Sleep(time.Second) // net/http lingers for half of that
		}()
		fmt.Fprintf(theirs, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := theirs.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		if err := testkit.Soon(t, ended, "the dead client was never given up"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("Serve = %v, want a write that timed out", err)
		}
	})
}

// oneConn is a listener with one connection.
type oneConn struct {
	conn   net.Conn
	once   sync.Once
	closed chan bool
}

func (l *oneConn) Accept() (conn net.Conn, err error) {
	l.once.Do(func() { conn = l.conn })
	if conn == nil {
		<-l.closed
		return nil, net.ErrClosed
	}
	return conn, nil
}

func (l *oneConn) Close() error   { close(l.closed); return nil }
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }

// http.Server.Shutdown returns although streams are open, because the hub ends them, and
// each ends normally with everything that was published.
func TestHubServerShutdown(t *testing.T) {
	const streams = 100
	h := hub.New(hub.Config{})
	ts := httptest.NewUnstartedServer(serveHub(h, nil, hub.Subscription{}))
	ts.Config.RegisterOnShutdown(func() { h.Shutdown(context.Background()) })
	ts.Start()
	defer ts.Close()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	bodies := make(chan string, streams)
	for range streams {
		resp := open(t, client, ts.URL)
		go func() {
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Errorf("a stream was cut: %v", err)
			}
			bodies <- string(body)
		}()
	}
	publish(t, h, "t", "last")
	began := time.Now()
	if err := ts.Config.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("Shutdown with %d open streams took %v", streams, time.Since(began))
	for range streams {
		if body := testkit.Soon(t, bodies, "a stream is open after Shutdown"); !strings.Contains(body, "data: last\n\n") {
			t.Errorf("%q ended without what was published", body)
		}
	}
}

// Every client that is dropped again and again receives each event once.
func TestClientReconnectsWithoutLoss(t *testing.T) {
	testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
		const events = 2000
		h := hub.New(hub.Config{MaxHistory: events})
		client, url := tr.Serve(t, serveHub(h, nil, hub.Subscription{}))
		go func() {
			for i := range events {
				h.Publish(context.Background(), "t", stream.Event{Data: fmt.Sprint(i)})
			}
		}()
		lastEventID, next, connections := h.LastEventID(), 0, 0
		lastEventID = strings.Split(lastEventID, "-")[0] + "-0"
		for next < events {
			connections++
			ctx, cancel := context.WithCancel(t.Context())
			r, _ := http.NewRequestWithContext(ctx, "GET", url, nil)
			r.Header.Set("Last-Event-ID", lastEventID)
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			reader := stream.NewReader(resp.Body)
			n := 0
			for e, err := range reader.All() {
				if err != nil {
					t.Fatal(err)
				}
				if e.Data != fmt.Sprint(next) {
					t.Fatalf("received %q %q, want %d", e.Name, e.Data, next)
				}
				lastEventID = e.ID
				next++
				if n++; n == 50 || next == events {
					break
				}
			}
			cancel()
			resp.Body.Close()
		}
		t.Logf("%d events over %d connections", next, connections)
	})
}
