package bodyparser_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/apiece/apiece/bodyparser"
	"github.com/apiece/apiece/bodyparser/upload"
	"github.com/apiece/apiece/bytesize"
	"github.com/apiece/apiece/internal/testkit"
	"github.com/apiece/apiece/middleware"
	"github.com/apiece/apiece/reply"
)

// answerText responds with the length of the body.
var answerText = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	b, ok := bodyparser.From(r)
	if !ok {
		io.WriteString(w, "unread")
		return
	}
	fmt.Fprint(w, len(b.Bytes()))
})

func TestLimitOfEachLength(t *testing.T) {
	const limit = 1024
	for _, test := range []struct {
		why    string
		size   int
		status int
		want   string
	}{
		{"far below", 10, 200, "10"},
		{"exactly the limit passes", limit, 200, "1024"},
		{"one byte more does not", limit + 1, 413, "Body exceeded 1kb limit"},
		{"more than net/http reads to keep a connection", 1 << 20, 413, "Body exceeded 1kb limit"},
	} {
		for _, chunked := range []bool{false, true} {
			for foreign, wrap := range testkit.Foreign() {
				testkit.Run(t, testkit.Transports(), func(t *testing.T, tr testkit.Transport) {
					h := wrap(bodyparser.New(bodyparser.Config{Limit: limit, OnError: reply.PlainError})(answerText))
					var body io.Reader = strings.NewReader(strings.Repeat("x", test.size))
					if chunked {
						body = io.MultiReader(body) // hides the length
					}
					r := httptest.NewRequest("POST", "/", body)
					if chunked {
						r.ContentLength = -1
					}
					resp := tr.Do(t, h, r)
					if got := testkit.Body(t, resp); resp.StatusCode != test.status || got != test.want {
						t.Errorf("%s, chunked %v, behind %s: %d %q, want %d %q",
							test.why, chunked, foreign, resp.StatusCode, got, test.status, test.want)
					}
				})
			}
		}
	}
}

// dial starts h on HTTP/1.1 and returns a bare connection to it.
func dial(t *testing.T, h http.Handler) net.Conn {
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

func TestLimitRefusesBeforeContinue(t *testing.T) {
	conn := dial(t, bodyparser.New(bodyparser.Config{})(answerText))
	fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 413 ") {
		t.Errorf("first line %q, %v", line, err)
	}
}

func TestLimitRefusesWithoutReading(t *testing.T) {
	r := httptest.NewRequest("POST", "/", iotest.ErrReader(errors.New("was read")))
	r.ContentLength = 2_000_000
	_, err := bodyparser.Parse(httptest.NewRecorder(), r, bodyparser.Config{})
	var max *http.MaxBytesError
	if !errors.As(err, &max) || max.Limit != int64(bytesize.MB) {
		t.Errorf("error %v", err)
	}
}

// A client that leaves its body open must not prevent the response, nor the end
// of the connection, with any layer in between.
func TestLimitAnswersAnOpenBody(t *testing.T) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, test := range []struct{ why, request string }{
		{"chunked, over the limit, and no end", "Transfer-Encoding: chunked\r\n\r\n801\r\n" + strings.Repeat("x", 0x801) + "\r\n"},
		{"declared, over the limit, and nothing sent", "Content-Length: 2049\r\n\r\n"},
	} {
		for foreign, wrap := range testkit.Foreign() {
			for name, inner := range map[string]func(http.Handler) http.Handler{
				"parser": bodyparser.New(bodyparser.Config{Limit: 2048}),
				"raw":    bodyparser.New(bodyparser.Config{Limit: 2048, Raw: true}),
				"parser, timeout": func(h http.Handler) http.Handler {
					return middleware.Timeout(time.Minute)(bodyparser.New(bodyparser.Config{Limit: 2048})(h))
				},
			} {
				at := test.why + ", " + name + ", behind " + foreign
				all.Go(func() { // in parallel, since net/http lingers for half a second
					conn := dial(t, wrap(inner(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
						_, err := io.ReadAll(r.Body)
						return err
					}))))
					io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+test.request)
					in := bufio.NewReader(conn)
					resp, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Errorf("%s: no answer: %v", at, err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					if resp.StatusCode != 413 || !resp.Close {
						t.Errorf("%s: %d, close %v", at, resp.StatusCode, resp.Close)
					}
					if foreign == "bare" {
						return // the connection is unusable after it
					}
					if _, err := in.ReadByte(); !errors.Is(err, io.EOF) {
						t.Errorf("%s: the connection stays open: %v", at, err)
					}
				})
			}
		}
	}
}

// net/http reads on after the end of a body, reaches the deadline for the rest
// of it, and cancels the request: this does not mean that the client is gone.
func TestLimitIsNoLostClient(t *testing.T) {
	conn := dial(t, bodyparser.New(bodyparser.Config{Limit: 2048, Raw: true})(reply.HandlerFunc(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.ReadAll(r.Body)
		select {
		case <-r.Context().Done():
		case <-time.After(time.Second):
		}
		return err
	})))
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n801\r\n"+strings.Repeat("x", 0x801)+"\r\n0\r\n\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	if resp.StatusCode != 413 {
		t.Errorf("status %d", resp.StatusCode)
	}
}

// A layer outside may replace r.Body and leave the length unchanged.
func TestLimitOfReplacedBody(t *testing.T) {
	inflating := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			z, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
			}
			r.Body = z
			next.ServeHTTP(w, r)
		})
	}
	for size, status := range map[int]int{1 << 10: 200, 1 << 20: 200, 1<<20 + 1: 413, 8 << 20: 413} {
		h := inflating(bodyparser.New(bodyparser.Config{})(answerText))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, post("", string(gzipped(strings.Repeat("x", size)))))
		if w.Code != status {
			t.Errorf("%d bytes behind a decompressor: %d, want %d", size, w.Code, status)
		}
	}
}

// TestLimitDoesNotOverflow: declared lengths and limits are never added to, so they
// cannot overflow.
func TestLimitDoesNotOverflow(t *testing.T) {
	const most = math.MaxInt64
	for _, limit := range []bytesize.Size{-1, most, most - 1, 200 << 10} {
		for _, declared := range []int64{-1, 100 << 10, 1 << 40, most - 1, most} {
			for _, size := range []int{10, 100 << 10} {
				for _, ends := range []error{io.EOF, io.ErrUnexpectedEOF} { // net/http gives the second if fewer bytes than declared arrive
					request := func() *http.Request {
						r := post("text/plain", "")
						r.Body, r.ContentLength = &failing{strings.Repeat("x", size), ends}, declared
						return r
					}
					status := 200
					switch {
					case limit >= 0 && declared > int64(limit):
						status = 413
					case ends != io.EOF:
						status = 400
					}
					at := fmt.Sprintf("limit %d, declared %d, %d bytes, %v", limit, declared, size, ends)
					for name, read := range readers {
						if err := read(request(), bodyparser.Config{Limit: limit}); statusOf(err) != status {
							t.Errorf("%s: %s gives %v, want %d", at, name, err, status)
						}
					}
					if limit < 0 {
						continue
					}
					raw := bodyparser.New(bodyparser.Config{Limit: limit, Raw: true})(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
						if n, _ := io.Copy(io.Discard, r.Body); n != int64(size) {
							t.Errorf("%s: raw, %d bytes", at, n)
						}
					}))
					raw.ServeHTTP(httptest.NewRecorder(), request())
				}
			}
		}
	}
	r := post("text/plain", string(gzipped("hi")))
	r.Header.Set("Content-Encoding", "gzip")
	if _, err := bodyparser.Parse(nil, r, bodyparser.Config{Limit: most, Inflate: true}); err != nil {
		t.Errorf("inflated: %v", err)
	}
}

func gzipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

// failing yields its data, the last of it along with the error.
type failing struct {
	text string
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	n := copy(p, f.text)
	f.text = f.text[n:]
	if f.text == "" {
		return n, f.err
	}
	return n, nil
}

func (f *failing) Close() error { return nil }

// idle yields nothing at first, many times.
type idle struct {
	calls int
	io.Reader
}

func (i *idle) Read(p []byte) (int, error) {
	if i.calls > 0 {
		i.calls--
		return 0, nil
	}
	return i.Reader.Read(p)
}

func TestParseReadErrors(t *testing.T) {
	for _, test := range []struct {
		why     string
		err     error
		status  int
		aborted bool
	}{
		{"the client is gone", io.ErrUnexpectedEOF, 400, true},
		{"the connection was reset", &net.OpError{Op: "read", Err: errors.New("reset")}, 400, true},
		{"an HTTP/2 stream was cancelled", context.Canceled, 400, true},
		{"a deadline has passed", fmt.Errorf("read: %w", os.ErrDeadlineExceeded), 408, false},
		{"a limit further out, wrapped twice", fmt.Errorf("a: %w", fmt.Errorf("b: %w", &http.MaxBytesError{Limit: 100})), 413, false},
		{"framing that is wrong", errors.New("invalid byte in chunk length"), 400, false},
	} {
		for _, text := range []string{"", "{", `{"a":1}`} {
			r := post(jsonType, "")
			r.Body, r.ContentLength = &failing{text, test.err}, -1
			_, err := bodyparser.Parse(httptest.NewRecorder(), r, bodyparser.Config{})
			var e *bodyparser.Error
			if !errors.As(err, &e) || e.Status != test.status || errors.Is(err, bodyparser.ErrAborted) != test.aborted || !errors.Is(err, test.err) {
				t.Errorf("%s, after %q: %v", test.why, text, err)
			}
		}
	}

	r := post(jsonType, "")
	r.Body, r.ContentLength = io.NopCloser(&idle{100, strings.NewReader(`{"a":1}`)}), -1
	if _, err := bodyparser.Parse(nil, r, bodyparser.Config{}); err != nil {
		t.Errorf("a reader that yields nothing a hundred times: %v", err)
	}
}

// A client that leaves is not the service's fault.
func TestAbortedBodyIsNotLogged(t *testing.T) {
	var log testkit.Log
	done := make(chan struct{})
	h := bodyparser.New(bodyparser.Config{Logger: log.Logger()})(answerText)
	conn := dial(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		h.ServeHTTP(w, r)
	}))
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{\"a\":")
	conn.Close()
	<-done
	if n := len(log.Records()); n != 0 {
		t.Errorf("%d records", n)
	}
}

// HTTP/2 has other errors for a client that leaves.
func TestAbortedBodyOverHTTP2(t *testing.T) {
	errs := make(chan error, 1)
	client, url := testkit.HTTP2.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := bodyparser.Parse(w, r, bodyparser.Config{})
		errs <- err
	}))
	ctx, cancel := context.WithCancel(t.Context())
	body, rest := io.Pipe()
	defer rest.Close()
	go func() {
		io.WriteString(rest, "half")
		cancel()
	}()
	r, _ := http.NewRequestWithContext(ctx, "POST", url, body)
	if resp, err := client.Do(r); err == nil {
		resp.Body.Close()
		t.Error("an answer")
	}
	if err := <-errs; !errors.Is(err, bodyparser.ErrAborted) || statusOf(err) != 400 {
		t.Errorf("%v", err)
	}
}

// A body refused for its header is not read, and the server does not wait for
// it.
func TestRefusedHeaderDoesNotWait(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{})(answerText)
	inBubble(t, h, &http.Server{}, func(t *testing.T, conn net.Conn) {
		start := time.Now()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain; charset=klingon\r\nContent-Length: 50\r\n\r\nabc")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, resp.Body)
		if resp.StatusCode != 415 || time.Since(start) > 30*time.Second {
			t.Errorf("%d after %v", resp.StatusCode, time.Since(start))
		}
	})
}

// A client may close its side in the middle of the body and still wait.
func TestShortBodyIsAnswered(t *testing.T) {
	for _, request := range []string{
		"Content-Length: 50\r\n\r\n{\"a\":",
		"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
		"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\nzz\r\n",
	} {
		conn := dial(t, bodyparser.New(bodyparser.Config{OnError: reply.PlainError})(answerText))
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+request)
		conn.(*net.TCPConn).CloseWrite()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if text := testkit.Body(t, resp); resp.StatusCode != 400 || text != "Invalid body" {
			t.Errorf("%q: %d %s", request, resp.StatusCode, text)
		}
	}
}

// inBubble serves h in a synctest bubble with fake time and passes a connection
// to test.
func inBubble(t *testing.T, h http.Handler, server *http.Server, test func(*testing.T, net.Conn)) {
	t.Helper()
	server.Handler = h
	testkit.InBubble(t, server, func(t *testing.T, dial func() net.Conn) { test(t, dial()) })
}

func TestReadTimeoutOfSlowBody(t *testing.T) {
	for _, test := range []struct {
		why    string
		cfg    bodyparser.Config
		server *http.Server
		after  time.Duration
	}{
		{"the default", bodyparser.Config{}, &http.Server{}, 30 * time.Second},
		{"a setting", bodyparser.Config{ReadTimeout: 2 * time.Second}, &http.Server{}, 2 * time.Second},
		{"a server that is stricter keeps its own", bodyparser.Config{}, &http.Server{ReadTimeout: 5 * time.Second}, 5 * time.Second},
		{"a server that is more patient", bodyparser.Config{}, &http.Server{ReadTimeout: time.Hour}, 30 * time.Second},
	} {
		h := bodyparser.New(test.cfg)(answerText)
		inBubble(t, h, test.server, func(t *testing.T, conn net.Conn) {
			start := time.Now()
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\nabc")
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			text := testkit.Body(t, resp)
			if resp.StatusCode != 408 || !resp.Close || time.Since(start) != test.after {
				t.Errorf("%s: %d %s after %v, close %v", test.why, resp.StatusCode, text, time.Since(start), resp.Close)
			}
		})
	}
}

// net/http reads on after the body, to notice a client that leaves. A remaining
// deadline would end the request's context.
func TestReadTimeoutEndsWithTheBody(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(time.Hour):
			io.WriteString(w, "done")
		case <-r.Context().Done():
			t.Error("the context ended:", context.Cause(r.Context()))
		}
	}))
	inBubble(t, h, &http.Server{}, func(t *testing.T, conn net.Conn) {
		in := bufio.NewReader(conn)
		for range 2 { // and the connection stays usable
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
			resp, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatal(err)
			}
			if got := testkit.Body(t, resp); got != "done" {
				t.Error(got)
			}
		}
	})
}

// A deadline without a body, or after it, would end the request's context too.
func TestReadTimeoutWithoutABody(t *testing.T) {
	refuses := func(w http.ResponseWriter, r *http.Request) error {
		_, err := bodyparser.Parse(w, r, bodyparser.Config{})
		return err
	}
	for _, test := range []struct {
		why, header, body string
		do                func(http.ResponseWriter, *http.Request) error
		parser            bool
	}{
		{"refused for its type, and there is none", "Content-Type: nonsense", "", refuses, false},
		{"refused again", "Content-Length: 3", "abc", func(w http.ResponseWriter, r *http.Request) error {
			_, err := bodyparser.Parse(w, r, bodyparser.Config{Verify: func(*http.Request, []byte) error { return errors.New("no") }})
			return errors.Join(err, refuses(w, r))
		}, false},
		{"of another type than an upload, behind a parser", "Content-Length: 3", "abc", func(w http.ResponseWriter, r *http.Request) error {
			_, err := upload.Form(w, r, upload.Config{}, nil)
			return err
		}, true},
	} {
		var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := test.do(w, r); err == nil {
				t.Errorf("%s: not refused", test.why)
			}
			select {
			case <-time.After(time.Hour):
			case <-r.Context().Done():
				t.Errorf("%s: the context ended: %v", test.why, context.Cause(r.Context()))
			}
		})
		if test.parser {
			h = bodyparser.New(bodyparser.Config{})(h)
		}
		inBubble(t, h, &http.Server{}, func(t *testing.T, conn net.Conn) {
			io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\n"+test.header+"\r\n\r\n"+test.body)
			if _, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil {
				t.Errorf("%s: %v", test.why, err)
			}
		})
	}
}

func TestReadTimeoutOverHTTP2(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{ReadTimeout: 20 * time.Millisecond})(answerText)
	client, url := testkit.HTTP2.Serve(t, h)
	body, rest := io.Pipe()
	defer rest.Close()
	go io.WriteString(rest, "half")
	resp, err := client.Post(url, "text/plain", body)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 408 {
		t.Errorf("%d %s", resp.StatusCode, testkit.Body(t, resp))
	}
}

func TestReadTimeoutOff(t *testing.T) {
	h := bodyparser.New(bodyparser.Config{ReadTimeout: -1})(answerText)
	inBubble(t, h, &http.Server{}, func(t *testing.T, conn net.Conn) {
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na")
		time.Sleep(24 * time.Hour)
		io.WriteString(conn, "bc")
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := testkit.Body(t, resp); resp.StatusCode != 200 || got != "3" {
			t.Errorf("%d %s", resp.StatusCode, got)
		}
	})
}

// TestReadTimeoutInsideATimeout: if a Timeout around ends while the body is read, the
// client is too slow, which is a 408 without a record. Before and after that it is a 504
// with one.
func TestReadTimeoutInsideATimeout(t *testing.T) {
	sleep := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { time.Sleep(time.Minute) })
	read := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) })
	for _, tt := range []struct {
		name    string
		cfg     bodyparser.Config
		handler http.Handler
		body    string // of 5 bytes
		status  int
	}{
		{"parsed", bodyparser.Config{}, sleep, "abc", 408},
		{"parsed, within a time of its own", bodyparser.Config{ReadTimeout: 2 * time.Second}, sleep, "abc", 408},
		{"raw", bodyparser.Config{Raw: true, Limit: 10}, read, "abc", 408},
		{"after the body", bodyparser.Config{}, sleep, "abcde", 504},
		{"raw, before the body", bodyparser.Config{Raw: true, Limit: 10}, sleep, "abc", 504},
		{"raw, after the body", bodyparser.Config{Raw: true, Limit: 10}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			read(w, r)
			sleep(w, r)
		}), "abcde", 504},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var records testkit.Log
			outer := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Second, Logger: records.Logger()})
			inner := middleware.TimeoutWith(middleware.TimeoutConfig{Duration: time.Hour, Logger: records.Logger()})
			for nested, h := range map[bool]http.Handler{
				false: outer(bodyparser.New(tt.cfg)(tt.handler)),
				true:  outer(inner(bodyparser.New(tt.cfg)(tt.handler))),
			} {
				before := records.Len()
				inBubble(t, h, &http.Server{}, func(t *testing.T, conn net.Conn) {
					start := time.Now()
					io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n"+tt.body)
					resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
					if err != nil {
						t.Fatal(err)
					}
					if text := testkit.Body(t, resp); resp.StatusCode != tt.status || time.Since(start) != time.Second || !resp.Close {
						t.Errorf("nested: %t: %d %s after %v, close: %t", nested, resp.StatusCode, text, time.Since(start), resp.Close)
					}
				})
				if n, want := records.Len()-before, max(tt.status-503, 0); n != want {
					t.Errorf("nested: %t: %d records, want %d", nested, n, want)
				}
			}
		})
	}
}
