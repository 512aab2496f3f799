package service

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// patience is the timeout of every exchange.
const patience = time.Minute

// A shot is a prepared request: its bytes, and those of the response.
type shot struct {
	text   []byte
	status []byte // the start of the response
	body   []byte // the body, as on the wire
}

// ready verifies a request with a server and returns it with the response of that server.
func (r request) ready(addr string) (*shot, error) {
	body, err := r.verify(addr)
	if err != nil {
		return nil, err
	}
	return &shot{[]byte(r.text), fmt.Appendf(nil, "HTTP/1.1 %d ", r.status), []byte(body)}, nil
}

// A conn is one keep-alive connection of the load.
type conn struct {
	net.Conn
	buf []byte
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(time.Now().Add(patience))
	return &conn{c, make([]byte, 16<<10)}, nil
}

// dialAll returns n connections, or on failure those that it has.
func dialAll(addr string, n int) (conns []*conn, err error) {
	for range n {
		c, err := dial(addr)
		if err != nil {
			return conns, err
		}
		conns = append(conns, c)
	}
	return conns, nil
}

// hangUp closes connections. Many of them are reset: a cleanly closed connection
// occupies its port for a minute, and there are 28,000 ports.
func hangUp(conns []*conn) {
	for _, c := range conns {
		if tcp, ok := c.Conn.(*net.TCPConn); ok && len(conns) > 1000 {
			tcp.SetLinger(0)
		}
		c.Close()
	}
}

// do sends the request and reads the response. Every byte of the body has to match.
func (c *conn) do(s *shot) error {
	if _, err := c.Write(s.text); err != nil {
		return err
	}
	n := 0
	for {
		read, err := c.Read(c.buf[n:])
		n += read
		header, body, ok := bytes.Cut(c.buf[:n], []byte("\r\n\r\n"))
		switch {
		case ok && len(body) >= len(s.body):
			if !bytes.HasPrefix(header, s.status) || !bytes.Equal(body, s.body) {
				return fmt.Errorf("an answer is not the one of before: %.300q", c.buf[:n])
			}
			return nil
		case err != nil:
			return fmt.Errorf("%w after %.300q", err, c.buf[:n])
		}
	}
}

// closedLoop sends n requests over the connections. Each sends the next after the
// last response, so the server always has work.
func closedLoop(ctx context.Context, conns []*conn, s *shot, n int) error {
	failed := make(chan error, len(conns))
	for i, c := range conns {
		go func() {
			for range (n + i) / len(conns) { // which makes n in all
				if err := c.do(s); err != nil || ctx.Err() != nil {
					failed <- cmp.Or(err, ctx.Err())
					return
				}
			}
			failed <- nil
		}()
	}
	var first error
	for range conns {
		if err := <-failed; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// openLoop sends n requests at a steady rate, without waiting for responses, and
// returns how long each took, shortest first. The shots take turns.
//
// The clock of a request starts when it is due, not when a connection is free
// to send it: a server that stalls is charged with every request that has to
// wait (leaving these out is known as coordinated omission). What the pacemaker
// itself is late by, which sleeps no finer than a millisecond, is not charged.
func openLoop(ctx context.Context, conns []*conn, shots []*shot, rate, n int) ([]time.Duration, error) {
	type due struct {
		at   time.Time
		shot *shot
	}
	var (
		queue  = make(chan due, n)
		mu     sync.Mutex
		took   []time.Duration
		failed = make(chan error, len(conns))
	)
	for _, c := range conns {
		go func() {
			for d := range queue {
				if err := c.do(d.shot); err != nil {
					failed <- err
					return
				}
				elapsed := time.Since(d.at)
				mu.Lock()
				took = append(took, elapsed)
				mu.Unlock()
			}
			failed <- nil
		}()
	}
	start := time.Now()
	for i := range n {
		if wait := time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))); wait > 0 {
			time.Sleep(wait)
		}
		if ctx.Err() != nil {
			break
		}
		queue <- due{time.Now(), shots[i%len(shots)]}
	}
	close(queue)
	var first error
	for range conns {
		if err := <-failed; err != nil && first == nil {
			first = err
		}
	}
	slices.Sort(took)
	return took, cmp.Or(first, ctx.Err())
}
