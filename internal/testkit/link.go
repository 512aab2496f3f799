package testkit

import (
	"context"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A Link is one end of an in-memory connection. Unlike net.Pipe it supports the faults
// of clients: bytes in flight, one direction that ends without the other, and a reset.
// Unlike a socket it can be in a bubble.
type Link struct {
	in, out *lane
}

// NewLink returns both ends of a link.
func NewLink() (a, b *Link) {
	there, back := newLane(), newLane()
	return &Link{back, there}, &Link{there, back}
}

// A lane is one direction of a link.
type lane struct {
	window   int    // how much may be in flight
	left     int    // how much it may still carry before that is a flood
	flooded  func() // is called then
	mu       sync.Mutex
	changed  sync.Cond
	bytes    []byte
	ended    bool  // by the writer
	deaf     bool  // the reader reads no more
	reset    error // ends both directions
	readBy   time.Time
	writeBy  time.Time
	awakened map[*time.Time]*time.Timer
}

func newLane() *lane {
	l := &lane{window: 64 << 10, left: 64 << 20, flooded: flooded, awakened: make(map[*time.Time]*time.Timer)}
	l.changed.L = &l.mu
	return l
}

// flooded ends the process, with all stacks. In a bubble no time passes while one side
// writes and the other reads: an endless transfer would run until the memory is full. A
// panic of the writer would not help, since servers recover it.
func flooded() {
	go panic("testkit: more than 64 MB on one connection in memory: something writes without an end")
	select {}
}

func (l *lane) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	l.changed.Broadcast()
}

// setDeadline moves one of the deadlines, and wakes the waiters when it passes.
func (l *lane) setDeadline(which *time.Time, to time.Time) {
	l.change(func() {
		*which = to
		if t := l.awakened[which]; t != nil {
			t.Stop()
		}
		if left := time.Until(to); !to.IsZero() && left > 0 {
			l.awakened[which] = time.AfterFunc(left, func() { l.change(func() {}) })
		}
	})
}

func past(deadline time.Time) bool { return !deadline.IsZero() && !time.Now().Before(deadline) }

func (l *lane) read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		switch {
		case l.reset != nil:
			return 0, l.reset
		case past(l.readBy):
			return 0, os.ErrDeadlineExceeded
		case len(l.bytes) > 0:
			n := copy(p, l.bytes)
			l.bytes = l.bytes[n:]
			l.changed.Broadcast()
			return n, nil
		case l.ended:
			return 0, io.EOF
		case l.deaf:
			return 0, net.ErrClosed
		}
		l.changed.Wait()
	}
}

func (l *lane) write(p []byte) (written int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for {
		room := l.window - len(l.bytes)
		switch {
		case l.reset != nil:
			return written, l.reset
		case l.ended:
			return written, net.ErrClosed
		case l.deaf:
			return written, syscall.EPIPE
		case past(l.writeBy):
			return written, os.ErrDeadlineExceeded
		case room > 0:
			n := min(room, len(p)-written)
			if l.left -= n; l.left < 0 {
				l.mu.Unlock()
				l.flooded()
				l.mu.Lock()
				continue
			}
			l.bytes = append(l.bytes, p[written:written+n]...)
			written += n
			l.changed.Broadcast()
		}
		if written == len(p) {
			return written, nil
		}
		if room <= 0 {
			l.changed.Wait()
		}
	}
}

// named makes an error one of a connection, as package net does.
func named(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: "link", Source: address{}, Addr: address{}, Err: err}
}

func (c *Link) Read(p []byte) (int, error) {
	n, err := c.in.read(p)
	return n, named("read", err)
}

func (c *Link) Write(p []byte) (int, error) {
	n, err := c.out.write(p)
	return n, named("write", err)
}

// Narrow sets how many bytes may be in flight to this end.
func (c *Link) Narrow(window int) { c.in.change(func() { c.in.window = window }) }

// CloseWrite ends the direction away from this end.
func (c *Link) CloseWrite() error {
	c.out.change(func() { c.out.ended = true })
	return nil
}

func (c *Link) Close() error {
	c.CloseWrite()
	c.in.change(func() { c.in.deaf = true })
	for lane, deadline := range map[*lane]*time.Time{c.in: &c.in.readBy, c.out: &c.out.writeBy} {
		lane.setDeadline(deadline, time.Time{})
	}
	return nil
}

// Reset ends both directions at once, and loses the bytes in flight.
func (c *Link) Reset() {
	for _, l := range []*lane{c.in, c.out} {
		l.change(func() { l.reset = syscall.ECONNRESET })
	}
	c.Close()
}

func (c *Link) SetDeadline(t time.Time) error {
	c.SetReadDeadline(t)
	return c.SetWriteDeadline(t)
}

func (c *Link) SetReadDeadline(t time.Time) error {
	c.in.setDeadline(&c.in.readBy, t)
	return nil
}

func (c *Link) SetWriteDeadline(t time.Time) error {
	c.out.setDeadline(&c.out.writeBy, t)
	return nil
}

func (c *Link) LocalAddr() net.Addr  { return address{} }
func (c *Link) RemoteAddr() net.Addr { return address{} }

type address struct{}

func (address) Network() string { return "link" }
func (address) String() string  { return "192.0.2.1:1234" }

// A Network is where a server listens, and how its clients connect: in memory, or on a
// socket.
type Network struct {
	net.Listener
	Dial func(context.Context) (net.Conn, error)
}

// InMemory returns a network of links.
func InMemory() Network {
	l := &links{conns: make(chan net.Conn), closed: make(chan struct{})}
	return Network{l, func(ctx context.Context) (net.Conn, error) {
		near, far := NewLink()
		select {
		case l.conns <- far:
			return near, nil
		case <-l.closed:
			return nil, syscall.ECONNREFUSED
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}
}

// Loopback returns a network of sockets.
func Loopback() (Network, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return Network{}, err
	}
	return Network{l, func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
	}}, nil
}

type links struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *links) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *links) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *links) Addr() net.Addr { return address{} }
