package nats_test

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy is a network between a client and the server, with faults.
type proxy struct {
	addr    string
	lose    atomic.Int64 // how many of the next replies are lost, with their connections
	silent  atomic.Bool  // holds everything back without breaking a connection
	answers atomic.Bool  // holds back what the server sends
	// What the server sends with this in it is lost, once, and the connection stays.
	drop atomic.Pointer[string]

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
	work  sync.WaitGroup
}

func newProxy(t testing.TB, to string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), conns: make(map[net.Conn]bool)}
	p.work.Go(func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.serve(from, to) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.cut()
		p.work.Wait()
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
		delete(p.conns, conn)
	}
}

func (p *proxy) restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

func (p *proxy) serve(from net.Conn, addr string) {
	defer from.Close()
	to, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer to.Close()
	p.mu.Lock()
	down := p.down
	if !down {
		p.conns[from], p.conns[to] = true, true
	}
	p.mu.Unlock()
	if down {
		return
	}
	var way sync.WaitGroup
	for _, pass := range []struct {
		from, to net.Conn
		held     func() bool
		lost     func() bool
	}{
		{from, to, p.silent.Load, func() bool { return false }},
		{to, from, func() bool { return p.silent.Load() || p.answers.Load() }, p.loses},
	} {
		way.Go(func() {
			defer from.Close()
			defer to.Close()
			for buf := make([]byte, 16<<10); ; {
				n, err := pass.from.Read(buf)
				for pass.held() && p.open(from) {
					time.Sleep(time.Millisecond)
				}
				if err != nil || pass.lost() {
					return
				}
				if drop := p.drop.Load(); drop != nil && pass.from == to && bytes.Contains(buf[:n], []byte(*drop)) && p.drop.CompareAndSwap(drop, nil) {
					continue
				}
				if _, err := pass.to.Write(buf[:n]); err != nil {
					return
				}
			}
		})
	}
	way.Wait()
}

func (p *proxy) open(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.conns[conn]
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
