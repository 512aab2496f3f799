package middleware_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A modelServer is the server's writer of one response, and what its client sees. It is
// as strict as the documentation of net/http, not as lenient as its code.
type modelServer struct {
	s      *sched
	http10 bool
	http2  bool

	header   http.Header
	status   int
	sent     http.Header // as it was at WriteHeader
	declared int         // by Content-Length, -1 if not
	body     []byte      // the bytes written to it
	flushed  int         // how many of them are on the wire, -1 if not even the header is

	inside   string // the call in progress
	returned bool   // ServeHTTP has returned
	foreign  bool   // the handler owns the connection
	hijacked bool   // by the handler or by this module
	reset    bool   // the connection was closed with a reset
	fin      bool   // and without
	poisoned bool   // no further bytes arrive
	failed   bool   // a write has failed
	jams     bool   // the next write of body blocks until its deadline
	read     time.Time
	mu       sync.Mutex
	write    time.Time

	freeWrite, freeRead func()
	writes, reads       chan struct{}
	faults              []string
}

func newModelServer(s *sched) *modelServer {
	f := &modelServer{
		s: s, header: http.Header{"X-Base": {"1"}}, declared: -1, flushed: -1,
		writes: make(chan struct{}), reads: make(chan struct{}),
	}
	f.freeWrite = sync.OnceFunc(func() { close(f.writes) })
	f.freeRead = sync.OnceFunc(func() { close(f.reads) })
	return f
}

// as returns the writer that a kind of server passes to its handler, and sets the
// protocol of the request.
func (f *modelServer) as(kind string, r *http.Request) http.ResponseWriter {
	switch kind {
	case "1.0":
		f.http10, r.ProtoMinor = true, 0
		return http1Server{f}
	case "2":
		f.http2, r.ProtoMajor, r.ProtoMinor = true, 2, 0
		return f
	case "plain":
		return plainServer{f}
	case "short":
		return shortServer{http1Server{f}}
	case "panics":
		return panickingServer{f}
	case "broken":
		return brokenServer{panickingServer{f}}
	}
	return http1Server{f}
}

func (f *modelServer) fault(format string, a ...any) {
	f.faults = append(f.faults, fmt.Sprintf(format, a...))
}

// touch is for calls that any number of goroutines may make at once.
func (f *modelServer) touch(call string) {
	switch {
	case f.returned:
		f.fault("%s after ServeHTTP has returned", call)
	case f.foreign:
		f.fault("%s on a connection that is the handler's", call)
	}
}

// enter is for calls that only one goroutine at a time may make.
func (f *modelServer) enter(call string) (leave func()) {
	f.touch(call)
	if f.inside != "" {
		f.fault("%s while %s is at work", call, f.inside)
	}
	f.inside = call
	f.s.step(call)
	f.touch(call)
	return func() { f.inside = "" }
}

func (f *modelServer) Header() http.Header {
	f.touch("Header")
	if f.inside != "" {
		f.fault("Header while %s is at work", f.inside)
	}
	return f.header
}

func (f *modelServer) WriteHeader(status int) {
	defer f.enter("WriteHeader")()
	switch {
	case status < 200 && f.http10:
		f.fault("%d to HTTP/1.0", status)
	case status < 200 || f.hijacked:
	case f.status != 0 && (status == 201 || status == 204):
		// The handler has called twice, and must see net/http's complaint.
	case f.status != 0:
		f.fault("WriteHeader(%d) after %d", status, f.status)
	default:
		f.status, f.sent = status, f.header.Clone()
		if n, err := strconv.Atoi(f.header.Get("Content-Length")); err == nil {
			f.declared = n
		}
	}
}

func (f *modelServer) Write(p []byte) (int, error) {
	if f.status == 0 {
		f.WriteHeader(200)
	}
	defer f.enter("Write")()
	switch {
	case f.hijacked:
		return 0, http.ErrHijacked
	case f.status == 204:
		return 0, http.ErrBodyNotAllowed
	case f.declared >= 0 && len(f.body)+len(p) > f.declared:
		return 0, http.ErrContentLength
	case f.jams:
		f.jams = false
		blocks()
		<-f.writes
		f.poisoned, f.failed = true, true
	}
	if f.poisoned {
		f.failed = true
		return 0, os.ErrDeadlineExceeded
	}
	f.body = append(f.body, p...)
	if len(f.body) > 2048 { // net/http holds back as much
		f.flushed = len(f.body)
	}
	return len(p), nil
}

func (f *modelServer) FlushError() error {
	if f.status == 0 {
		f.WriteHeader(200)
	}
	defer f.enter("Flush")()
	if f.poisoned || f.hijacked {
		return os.ErrDeadlineExceeded
	}
	f.flushed = len(f.body)
	return nil
}

func (f *modelServer) SetReadDeadline(t time.Time) error {
	f.touch("SetReadDeadline")
	f.s.step("SetReadDeadline")
	f.touch("SetReadDeadline")
	f.read = t
	if !t.After(time.Now()) {
		f.freeRead()
	}
	return nil
}

func (f *modelServer) SetWriteDeadline(t time.Time) error {
	f.touch("SetWriteDeadline")
	f.s.step("SetWriteDeadline")
	f.touch("SetWriteDeadline")
	f.mu.Lock()
	f.write = t
	f.mu.Unlock()
	switch {
	case t.IsZero():
	case t.After(time.Now()):
		time.AfterFunc(time.Until(t), func() {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.write.Equal(t) {
				f.freeWrite()
			}
		})
	default:
		f.poisoned = true
		f.freeWrite()
	}
	return nil
}

// An http1Server is the writer of HTTP/1.
type http1Server struct{ *modelServer }

func (f http1Server) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	defer f.enter("Hijack")()
	if f.hijacked {
		return nil, nil, http.ErrHijacked
	}
	if f.status != 0 && !f.poisoned {
		f.flushed = len(f.body)
	}
	f.hijacked = true
	return &modelConn{f: f.modelServer}, nil, nil
}

func (f http1Server) ReadFrom(src io.Reader) (int64, error) {
	b, err := io.ReadAll(src)
	if err != nil || len(b) == 0 {
		return 0, err
	}
	n, err := f.Write(b)
	return int64(n), err
}

// A modelConn is what a hijacker gets.
type modelConn struct {
	net.Conn
	f      *modelServer
	linger bool
}

func (c *modelConn) SetLinger(n int) error {
	c.linger = n == 0
	return nil
}

func (c *modelConn) Close() error {
	if c.f.foreign {
		c.f.fault("closed a connection that is the handler's")
	}
	c.f.reset, c.f.fin = c.linger, !c.linger
	c.f.freeRead()
	c.f.freeWrite()
	return nil
}

// A panickingServer is a foreign writer whose optional methods panic.
type panickingServer struct{ *modelServer }

var errForeign = errors.New("a panic of a foreign writer")

func (panickingServer) FlushError() error                            { panic(errForeign) }
func (panickingServer) SetReadDeadline(time.Time) error              { panic(errForeign) }
func (panickingServer) SetWriteDeadline(time.Time) error             { panic(errForeign) }
func (panickingServer) Hijack() (net.Conn, *bufio.ReadWriter, error) { panic(errForeign) }

// A brokenServer is one whose other methods panic as well.
type brokenServer struct{ panickingServer }

func (brokenServer) WriteHeader(int)           { panic(errForeign) }
func (brokenServer) Write([]byte) (int, error) { panic(errForeign) }

// A plainServer is a foreign writer that can only write.
type plainServer struct{ f *modelServer }

func (p plainServer) Header() http.Header         { return p.f.Header() }
func (p plainServer) WriteHeader(status int)      { p.f.WriteHeader(status) }
func (p plainServer) Write(b []byte) (int, error) { return p.f.Write(b) }

// A shortServer is a foreign writer that writes less than it is given without an error,
// against the rules of io.Writer.
type shortServer struct{ http1Server }

func (f shortServer) Write(p []byte) (int, error) {
	f.failed = true
	return f.http1Server.Write(p[:len(p)/2])
}

func (f shortServer) ReadFrom(src io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, src)
}

// A stuckBody is a request body of a client that sends nothing.
type stuckBody struct{ f *modelServer }

func (b stuckBody) Read([]byte) (int, error) {
	blocks()
	<-b.f.reads
	return 0, os.ErrDeadlineExceeded
}

func (b stuckBody) Close() error { return nil }

// A reception is the final result of a client.
type reception struct {
	status int // 0 if it has no valid response
	header http.Header
	body   string
	part   bool // it has part of a response
	whole  bool // it considers the response complete
	reused bool // the connection can serve another request
}

// receive returns the client's result, if ServeHTTP ended with the panic.
func (f *modelServer) receive(panicked any) (got reception) {
	normal := panicked == nil && !f.hijacked && !f.poisoned
	onWire := f.flushed
	if normal {
		onWire = len(f.body)
		if f.status == 0 {
			f.status, f.sent = 200, f.header
		}
	}
	got = reception{body: string(f.body), part: onWire >= 0}
	if !got.part {
		return got
	}
	got.body = got.body[:onWire]
	switch {
	case f.declared >= 0:
		got.whole = onWire == f.declared
	case f.status == 204:
		got.whole = true
	case f.http10:
		// The end of the connection is the end of the body.
		got.whole = !f.reset
	default:
		got.whole = normal
	}
	if got.whole {
		got.status, got.header = f.status, f.sent
		got.reused = normal && !f.http10 && !f.http2 && !slices.ContainsFunc(f.sent["Connection"], func(v string) bool { return strings.EqualFold(v, "close") })
	}
	return got
}
