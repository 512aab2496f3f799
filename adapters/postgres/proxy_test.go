package postgres_test

import (
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy is a network between a node and the server, with faults.
type proxy struct {
	addr   string
	to     string       // the address of the server
	lose   atomic.Int64 // how many of the next replies are lost, with their connections
	silent atomic.Bool  // holds everything back without an error

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

func newProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, database, _ := strings.Cut(to, "/")
	p := &proxy{addr: l.Addr().String() + "/" + database, to: host, conns: make(map[net.Conn]bool)}
	p.wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.silent.Store(false)
		p.cut()
		p.wg.Wait()
	})
	return p
}

// cut ends all connections, and makes new ones end at once.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		conn.Close()
	}
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

func (p *proxy) add(conns ...net.Conn) (ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = true
	}
	return !p.down
}

func (p *proxy) serve(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer to.Close()
	if !p.add(from, to) {
		return
	}
	p.wg.Go(func() { p.pass(from, to, false) })
	p.pass(to, from, true)
}

func (p *proxy) pass(from, to net.Conn, answers bool) {
	way := make(chan []byte, 1000)
	p.wg.Go(func() {
		defer to.Close()
		for data := range way {
			for p.silent.Load() {
				time.Sleep(time.Millisecond)
			}
			if _, err := to.Write(data); err != nil {
				from.Close()
			}
		}
	})
	defer close(way)
	for {
		buf := make([]byte, 16<<10)
		n, err := from.Read(buf)
		if err != nil || answers && p.loses() {
			return
		}
		way <- buf[:n]
	}
}

// loses reports whether to lose a reply.
func (p *proxy) loses() bool {
	for left := p.lose.Load(); left > 0; left = p.lose.Load() {
		if p.lose.CompareAndSwap(left, left-1) {
			return true
		}
	}
	return false
}
