package service

import (
	"bytes"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/apiece/apiece/bench/internal/process"
)

// BenchmarkMem is the sharper instrument beside the program in cmd: the same
// services and requests, under the real server of each library, over a connection
// in memory. An operation is one request of a connection that is kept alive, as the
// server sees it. There is no kernel in the figure, no network poller, and no
// client that takes turns with the server. The processor time, cpu-ns/op, counts on a
// machine that others use as well.
//
//	go test -run='^$' -bench='Mem/documented/GET' -cpu=1 -count=10 ./service
//
// Half of the processor time over loopback is the kernel's, so that the ratios here
// are further from 1 than those that a user sees.
func BenchmarkMem(b *testing.B) {
	for _, g := range groups() {
		if g.loads != nil {
			continue
		}
		b.Run(g.name, func(b *testing.B) {
			for _, r := range measured() {
				b.Run(r.metric, func(b *testing.B) {
					for _, s := range g.servers {
						b.Run(s.name, func(b *testing.B) {
							m := serveInMemory(b, s)
							size := m.probe(b, r)
							m.replay(r.text, size, 100) // fills the pools
							b.ReportAllocs()
							b.ResetTimer()
							before := process.Now().CPU
							m.replay(r.text, size, b.N)
							b.ReportMetric(float64(process.Now().CPU-before)/float64(b.N), "cpu-ns/op")
						})
					}
				})
			}
		})
	}
}

// TestMemAllocs guards what the kit allocates for a request of each kind: absolutely,
// in the whole of a request with what net/http and the handler do, and beside the
// service written by hand. A release of Go may move the first; then it says so here.
func TestMemAllocs(t *testing.T) {
	guard := []struct {
		allocs, more float64 // allocations, and how many of them net/http has not
		bytes        float64
	}{
		{54, 1, 4700},
		{24, 2, 3700},
		{21, 1, 3250},
		{24, 4, 3850},
	}
	for i, most := range guard {
		r := measured()[i]
		allocs, bytes := memoryOf(t, r, "apiece")
		floor, _ := memoryOf(t, r, bare)
		t.Logf("%s: %.1f allocations, %.1f more than %s, %.0f bytes", r.metric, allocs, allocs-floor, bare, bytes)
		if allocs > most.allocs+0.5 || allocs-floor > most.more+0.5 || bytes > most.bytes {
			t.Errorf("%s: %.1f allocations, %s has %.1f, and %.0f bytes: want at most %v, %v more, and %v",
				r.metric, allocs, bare, floor, bytes, most.allocs, most.more, most.bytes)
		}
	}
}

// memoryOf returns what a request allocates in the whole process: the least of three
// counts, since what else runs may allocate too.
func memoryOf(t *testing.T, r request, name string) (allocs, size float64) {
	const runs = 300
	s, _ := groups()[0].server(name)
	m := serveInMemory(t, s)
	length := m.probe(t, r)
	m.replay(r.text, length, runs) // fills the pools
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	allocs, size = math.Inf(1), math.Inf(1)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m.replay(r.text, length, runs)
		runtime.ReadMemStats(&after)
		allocs = min(allocs, float64(after.Mallocs-before.Mallocs)/runs)
		size = min(size, float64(after.TotalAlloc-before.TotalAlloc)/runs)
	}
	return allocs, size
}

// A memory is the listener of a server that connections in memory come to.
type memory struct {
	conns chan net.Conn
	once  sync.Once
	ended chan struct{}
}

func serveInMemory(t testing.TB, s server) *memory {
	m := &memory{conns: make(chan net.Conn), ended: make(chan struct{})}
	t.Cleanup(func() { m.Close() })
	go s.listen(replyTimeout)(m)
	return m
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.ended:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error {
	m.once.Do(func() { close(m.ended) })
	return nil
}

func (m *memory) Addr() net.Addr { return memoryAddr }

var memoryAddr = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}

// probe sends the request once, checks the answer, and returns its size.
func (m *memory) probe(t testing.TB, r request) (size int) {
	client, server := net.Pipe()
	defer client.Close()
	m.conns <- server
	client.SetDeadline(time.Now().Add(patience))
	go io.WriteString(client, r.text)
	var all bytes.Buffer
	if _, err := r.check(io.TeeReader(client, &all)); err != nil {
		t.Fatal(err)
	}
	return all.Len()
}

// replay sends the request n times over one connection, each when the answer to
// the one before is there, and waits for the end.
func (m *memory) replay(text string, size, n int) {
	c := &replayed{text: text, size: size, left: n, written: size, closed: make(chan struct{})}
	c.changed.L = &c.mu
	m.conns <- c
	<-c.closed
}

// A replayed is the server's end of a connection to a client that sends a request
// again and again. As on a socket, a Read blocks while there is nothing to read,
// until a deadline in the past ends it: net/http has one in the background while a
// handler runs.
type replayed struct {
	text string
	size int // of an answer, which is as long each time

	mu      sync.Mutex
	changed sync.Cond
	left    int    // requests still to come
	rest    string // of the one that is being read
	written int    // of the answer to it
	expired bool   // the deadline of reads

	once   sync.Once
	closed chan struct{}
}

func (c *replayed) Read(p []byte) (n int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		switch {
		case c.expired:
			return 0, os.ErrDeadlineExceeded
		case c.rest != "":
			n = copy(p, c.rest)
			c.rest = c.rest[n:]
			return n, nil
		case c.written < c.size:
			c.changed.Wait()
		case c.left == 0:
			return 0, io.EOF
		default:
			c.left--
			c.rest, c.written = c.text, 0
		}
	}
}

func (c *replayed) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written += len(p)
	c.changed.Broadcast()
	return len(p), nil
}

func (c *replayed) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.expired = !t.IsZero() && !t.After(time.Now())
	c.changed.Broadcast()
	return nil
}

func (c *replayed) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *replayed) SetWriteDeadline(time.Time) error { return nil }
func (c *replayed) LocalAddr() net.Addr              { return memoryAddr }
func (c *replayed) RemoteAddr() net.Addr             { return memoryAddr }

func (c *replayed) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}
