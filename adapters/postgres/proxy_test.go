package postgres_test

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A proxy is a network between a node and the server, with faults.
type proxy struct {
	addr   string
	to     atomic.Value // the address of the server
	delay  atomic.Int64 // of what is passed on, each way
	lose   atomic.Int64 // so many of the next answers are lost, with their connections
	silent atomic.Bool  // it holds everything back, and nobody is told

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
	p := &proxy{addr: l.Addr().String(), conns: make(map[net.Conn]bool)}
	p.to.Store(to)
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

// cut ends all connections, and has new ones end as soon as they are made.
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
	to, err := net.Dial("tcp", p.to.Load().(string))
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

// A parcel is something on its way.
type parcel struct {
	data []byte
	due  time.Time
}

func (p *proxy) pass(from, to net.Conn, answers bool) {
	way := make(chan parcel, 1000)
	p.wg.Go(func() {
		defer to.Close()
		for parcel := range way {
			time.Sleep(time.Until(parcel.due))
			for p.silent.Load() {
				time.Sleep(time.Millisecond)
			}
			if _, err := to.Write(parcel.data); err != nil {
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
		way <- parcel{buf[:n], time.Now().Add(time.Duration(p.delay.Load()))}
	}
}

// loses reports whether to lose an answer.
func (p *proxy) loses() bool {
	for left := p.lose.Load(); left > 0; left = p.lose.Load() {
		if p.lose.CompareAndSwap(left, left-1) {
			return true
		}
	}
	return false
}
