package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// Each undocumented behavior of net/http and context that this module relies on has one
// test. When a release of Go breaks something, these tests name it.

// serveBubble serves h directly, in a bubble.
func serveBubble(t *testing.T, h http.HandlerFunc, test func(t *testing.T, conn net.Conn)) {
	t.Helper()
	inBubble(t, h, func(t *testing.T, dial func() net.Conn) { test(t, dial()) })
}

const plainGet = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// TestNetHTTPHijackFromATimer: a Timeout cuts a connection by hijacking it on the
// goroutine of its timer, while the handler runs.
func TestNetHTTPHijackFromATimer(t *testing.T) {
	serveBubble(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).Flush()
		time.AfterFunc(time.Second, func() {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err != nil {
				t.Errorf("hijacking: %v", err)
				return
			}
			conn.Close()
		})
		time.Sleep(time.Minute)
		if _, err := io.WriteString(w, "more"); err != http.ErrHijacked {
			t.Errorf("a write after it: %v", err)
		}
	}, func(t *testing.T, conn net.Conn) {
		if got := ask(conn); got.err == nil || got.took != time.Second {
			t.Errorf("the client got %+v, want a cut after a second", got)
		}
	})
}

// TestNetHTTPHijackOfAStuckRead: the same while the handler waits for the body.
func TestNetHTTPHijackOfAStuckRead(t *testing.T) {
	serveBubble(t, func(w http.ResponseWriter, r *http.Request) {
		time.AfterFunc(time.Second, func() {
			rc := http.NewResponseController(w)
			rc.SetReadDeadline(time.Unix(1, 0)) // frees the handler first
			conn, _, err := rc.Hijack()
			if err != nil {
				t.Errorf("hijacking: %v", err)
				return
			}
			conn.Close()
		})
		if _, err := io.ReadAll(r.Body); err == nil {
			t.Error("the body has an end")
		}
	}, func(t *testing.T, conn net.Conn) {
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345")
		if rest, _ := io.ReadAll(conn); strings.Contains(string(rest), "200") {
			t.Errorf("the client got %q", rest)
		}
	})
}

// TestNetHTTPMaxBytesReader: http.MaxBytesReader tells the server's own writer that the
// body will not be read, through a method with an unexported name.
func TestNetHTTPMaxBytesReader(t *testing.T) {
	for name, tt := range map[string]struct {
		wrap func(http.ResponseWriter) http.ResponseWriter
		want bool
	}{
		"the server's writer": {func(w http.ResponseWriter) http.ResponseWriter { return w }, true},
		"one that is wrapped": {func(w http.ResponseWriter) http.ResponseWriter { return testkit.Unwrapping{ResponseWriter: w} }, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				var two [2]byte
				http.MaxBytesReader(tt.wrap(w), io.NopCloser(strings.NewReader("12")), 0).Read(two[:])
				io.WriteString(w, "answer")
			})
			if resp := testkit.HTTP1.Do(t, h, httptest.NewRequest("GET", "/", nil)); resp.Close != tt.want {
				t.Errorf("the connection closes: %t", resp.Close)
			}
		})
	}
}

// TestNetHTTPReadDeadlineCancels: on HTTP/1 a read deadline that passes cancels the
// context of the request. So a Timeout ends its own context first.
func TestNetHTTPReadDeadlineCancels(t *testing.T) {
	serveBubble(t, func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0))
		select {
		case <-r.Context().Done():
			if r.Context().Err() != context.Canceled {
				t.Errorf("ended by %v", r.Context().Err())
			}
		case <-time.After(time.Minute):
			t.Error("the context has not ended")
		}
	}, func(t *testing.T, conn net.Conn) { ask(conn) })
}

// TestNetHTTPHoldsBack: net/http holds back 2 KB of a body, and 4 KB on HTTP/2, to set
// its length if that is all. A Timeout holds back 2 KB.
func TestNetHTTPHoldsBack(t *testing.T) {
	for _, limited := range []bool{false, true} {
		for _, size := range []int{1, 2048, 2049, 4096, 4097} {
			t.Run(fmt.Sprintf("%t/%d", limited, size), func(t *testing.T) {
				testkit.Run(t, testkit.Wire(), func(t *testing.T, tr testkit.Transport) {
					var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write(make([]byte, size)) })
					if limited {
						h = within(time.Minute, new(testkit.Log), h.ServeHTTP)
					}
					want := int64(-1)
					if size <= map[string]int{"http1": 2048, "http2": 4096}[tr.Name] {
						want = int64(size)
					}
					resp := tr.Do(t, h, httptest.NewRequest("GET", "/", nil))
					if resp.ContentLength != want {
						t.Errorf("Content-Length %d, want %d", resp.ContentLength, want)
					}
				})
			})
		}
	}
	serveBubble(t, func(w http.ResponseWriter, r *http.Request) {
		w.Write(make([]byte, 2048))
		time.Sleep(time.Minute)
	}, func(t *testing.T, conn net.Conn) {
		io.WriteString(conn, plainGet)
		start := time.Now()
		if _, err := bufio.NewReader(conn).ReadByte(); err != nil || time.Since(start) != time.Minute {
			t.Errorf("the first byte of 2 KB came after %v, %v", time.Since(start), err)
		}
	})
}

// TestNetHTTPEndOfAStream: an HTTP/2 stream ends when the handler returns, whether or
// not its body is complete. So a Timeout runs the handler on a goroutine of its own.
func TestNetHTTPEndOfAStream(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Protocols: &protocols, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "5")
		io.WriteString(w, "whole")
		http.NewResponseController(w).Flush()
		time.Sleep(time.Minute)
	})}
	testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) {
		transport := &http.Transport{Protocols: &protocols, DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(), nil }}
		defer transport.CloseIdleConnections()
		start := time.Now()
		r, _ := http.NewRequest("GET", "http://pipe.test/", nil)
		resp, err := transport.RoundTrip(r)
		if err != nil || time.Since(start) != 0 {
			t.Fatalf("the header came after %v, %v", time.Since(start), err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "whole" || err != nil || time.Since(start) != time.Minute {
			t.Errorf("%q, %v: the stream ended after %v", body, err, time.Since(start))
		}
	})
}

// TestNetHTTPWriteDeadline: on HTTP/1 a write after its deadline fails, even if the
// client reads. This frees a write that is blocked, and poisons a response.
func TestNetHTTPWriteDeadline(t *testing.T) {
	serveBubble(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		time.AfterFunc(time.Second, func() { rc.SetWriteDeadline(time.Unix(1, 0)) })
		_, err := w.Write(make([]byte, 1<<20)) // the client reads only the first byte
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("a write that is stuck: %v", err)
		}
		if _, err := w.Write(make([]byte, 1<<20)); err == nil {
			t.Error("a write after it succeeds")
		}
	}, func(t *testing.T, conn net.Conn) {
		io.WriteString(conn, plainGet)
		conn.Read(make([]byte, 1))
		time.Sleep(time.Minute)
		if rest, _ := io.ReadAll(conn); len(rest) > 100<<10 {
			t.Errorf("the client got %d bytes", len(rest))
		}
	})
}

// A source has an AfterFunc that package context has to call.
type source struct {
	context.Context
	registered int
}

var neverDone = make(chan struct{})

func (*source) Done() <-chan struct{} { return neverDone }

func (s *source) AfterFunc(func()) func() bool {
	s.registered++
	return func() bool { return true }
}

// A passing context is a foreign one with the values and the Done of one of package
// context.
type passing struct{ context.Context }

// TestContextPackageRegistersChildren: package context starts no goroutine for a child
// of a context that has AfterFunc, nor for one whose values lead to one of its own
// contexts. So a Timeout puts one of those below its own.
func TestContextPackageRegistersChildren(t *testing.T) {
	ours, cancel := context.WithCancel(context.Background())
	defer cancel()
	source := &source{Context: context.Background()}
	for name, parent := range map[string]context.Context{
		"AfterFunc": source,
		"its own":   passing{context.WithValue(passing{ours}, userKey{}, "alice")},
	} {
		ctx, cancel := context.WithCancel(parent)
		buf := make([]byte, 1<<20)
		if strings.Contains(string(buf[:runtime.Stack(buf, true)]), "created by context.(*cancelCtx).propagateCancel") {
			t.Errorf("%s: a goroutine waits for the parent", name)
		}
		cancel()
		<-ctx.Done()
	}
	if source.registered != 1 {
		t.Errorf("AfterFunc was called %d times", source.registered)
	}
	child, cancelChild := context.WithCancel(passing{ours})
	defer cancelChild()
	cancel()
	if child.Err() == nil {
		t.Error("a child ends after its parent, not with it")
	}
}

// TestContextPackagePastDeadline: a context with a past deadline has ended when it is
// created, with its cause. A Timeout that expires creates one to end the same way.
func TestContextPackagePastDeadline(t *testing.T) {
	ctx, cancel := context.WithDeadlineCause(context.Background(), time.Unix(1, 0), io.ErrNoProgress)
	defer cancel()
	inOrder(t, "a deadline in the past", ctx)
	if ctx.Err() != context.DeadlineExceeded || context.Cause(ctx) != io.ErrNoProgress {
		t.Errorf("a deadline in the past: %v, %v", ctx.Err(), context.Cause(ctx))
	}
}
