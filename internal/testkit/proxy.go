package testkit

import (
	"bytes"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A Proxy is a network between a client and a server, with faults. The fields may be
// set at any time.
type Proxy struct {
	Addr   string       // the address it listens on
	To     atomic.Value // the address of the server, a string
	Delay  atomic.Int64 // a time.Duration, added in each direction
	Lose   atomic.Int64 // how many of the next responses are lost, with their connections
	Silent atomic.Bool  // all bytes are held back, and the connections stay open
	Mute   atomic.Bool  // only bytes from the server are held back

	// Drop, if set, is a text: the next response that contains it is lost, and the
	// connection stays open.
	Drop atomic.Pointer[string]

	mu    sync.Mutex
	down  bool
	conns map[net.Conn]bool
	wg    sync.WaitGroup
}

// NewProxy starts a proxy to the address, which ends with the test.
func NewProxy(t testing.TB, to string) *Proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{Addr: l.Addr().String(), conns: make(map[net.Conn]bool)}
	p.To.Store(to)
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
		p.Silent.Store(false)
		p.Mute.Store(false)
		p.Cut()
		p.wg.Wait()
	})
	return p
}

// Cut ends all connections, and ends new ones at once.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		conn.Close()
	}
}

// Restore undoes Cut.
func (p *Proxy) Restore() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = false
}

func (p *Proxy) add(conns ...net.Conn) (ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = true
	}
	return !p.down
}

func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		delete(p.conns, conn)
	}
}

func (p *Proxy) serve(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", p.To.Load().(string))
	if err != nil {
		return
	}
	defer to.Close()
	defer p.remove(from, to)
	if !p.add(from, to) {
		return
	}
	p.wg.Go(func() { p.pass(from, to, false) })
	p.pass(to, from, true)
}

// A parcel is data in flight.
type parcel struct {
	data []byte
	due  time.Time
}

func (p *Proxy) pass(from, to net.Conn, answers bool) {
	way := make(chan parcel, 1000)
	p.wg.Go(func() {
		defer to.Close()
		for parcel := range way {
			time.Sleep(time.Until(parcel.due))
			for p.Silent.Load() || answers && p.Mute.Load() {
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
		if drop := p.Drop.Load(); drop != nil && answers && bytes.Contains(buf[:n], []byte(*drop)) && p.Drop.CompareAndSwap(drop, nil) {
			continue
		}
		way <- parcel{buf[:n], time.Now().Add(time.Duration(p.Delay.Load()))}
	}
}

// loses reports whether to lose a response.
func (p *Proxy) loses() bool {
	for left := p.Lose.Load(); left > 0; left = p.Lose.Load() {
		if p.Lose.CompareAndSwap(left, left-1) {
			return true
		}
	}
	return false
}
