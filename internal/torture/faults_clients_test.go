package torture_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/apiece/apiece/internal/testkit"
)

// raw returns the bytes of the request, and the offset of its body.
func (p *piece) raw(chunked bool) (text []byte, body int) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: site.test\r\n", p.method, p.path)
	for _, name := range slices.Sorted(maps.Keys(p.fields)) {
		fmt.Fprintf(&b, "%s: %s\r\n", name, p.fields[name])
	}
	switch {
	case p.body == "":
		b.WriteString("\r\n")
		return b.Bytes(), b.Len()
	case !chunked:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(p.body))
		body = b.Len()
		b.WriteString(p.body)
		return b.Bytes(), body
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	body = b.Len()
	for chunk := range slices.Chunk([]byte(p.body), len(p.body)/4+1) {
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes(), body
}

// offsets are twenty places in a request, the last one after it, and those around the
// ends of the header and of the chunks.
func offsets(text []byte, body int) []int {
	const most = 20
	var at []int
	for i := 1; i <= most; i++ {
		at = append(at, len(text)*i/most)
	}
	at = append(at, body-2, body-1, body)
	for i, c := range text[body:] {
		if c == '\n' && i > 0 && text[body+i-1] == '\r' {
			at = append(at, body+i, body+i+1)
		}
	}
	slices.Sort(at)
	return slices.Compact(at)
}

// forms are the ways to send a body to a piece.
func (p *piece) forms() []bool {
	if p.body == "" {
		return []bool{false}
	}
	return []bool{false, true}
}

var errGone = errors.New("the client has gone")

// receive reads the response from a connection.
func receive(conn net.Conn, method string) answer {
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		return answer{err: err}
	}
	return received(resp)
}

// reset ends a connection with a reset.
func reset(conn net.Conn) {
	switch conn := conn.(type) {
	case *testkit.Link:
		conn.Reset()
	case *net.TCPConn:
		conn.SetLinger(0)
		conn.Close()
	}
}

// onItsOwn sends what a function sends, on a separate connection.
func onItsOwn(t *site, f func(net.Conn) answer) answer {
	conn, err := t.Dial(context.Background())
	if err != nil {
		return answer{err: err}
	}
	defer conn.Close()
	return f(conn)
}

// TestFaultsOfClientsReset: a client that has gone is no error of the server. A piece
// whose response is always logged may still log it.
func TestFaultsOfClientsReset(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range pieces() {
		right := dropped
		if p.records > 0 {
			right |= noted
		}
		for _, chunked := range p.forms() {
			text, body := p.raw(chunked)
			for i, at := range offsets(text, body) {
				gone := func(t *site) answer {
					return onItsOwn(t, func(conn net.Conn) answer {
						conn.Write(text[:at])
						if !t.sockets {
							synctest.Wait()
						}
						reset(conn)
						return answer{err: errGone}
					})
				}
				n++
				trial(t, fmt.Sprintf("a reset at byte %d of %d", at, len(text)), &p, setting{protocol: 1}, right, false, gone)
				if i%6 == 0 && !chunked {
					n++
					trial(t, fmt.Sprintf("a reset at byte %d of %d", at, len(text)), &p, setting{protocol: 1, sockets: true}, right, false, gone)
				}
			}
		}
	}
	t.Logf("%d resets", n)
}

// TestFaultsOfClientsHalfClose: a client that has closed its side may still read, and
// must not be told that part of a body was the whole. To net/http the end of the
// connection is the end of the client, so it may also get no response.
func TestFaultsOfClientsHalfClose(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range pieces() {
		for _, chunked := range p.forms() {
			text, body := p.raw(chunked)
			for _, at := range offsets(text, body) {
				right := refused | dropped
				if at == len(text) {
					right = whole | dropped
					if p.open {
						right |= ended
					}
				}
				if p.records > 0 {
					right |= noted
				}
				n++
				trial(t, fmt.Sprintf("the end of the client's side at byte %d of %d", at, len(text)), &p, setting{protocol: 1}, right, false, func(t *site) answer {
					return onItsOwn(t, func(conn net.Conn) answer {
						conn.Write(text[:at])
						conn.(*testkit.Link).CloseWrite()
						return receive(conn, p.method)
					})
				})
			}
		}
	}
	t.Logf("%d ends", n)
}

// TestFaultsOfClientsSlow: a client that sends a byte a second is served if it is in
// time, and rejected otherwise; one that reads so slowly gets the whole response, or
// less and the end of the connection.
func TestFaultsOfClientsSlow(t *testing.T) {
	tidy(t)
	n := 0
	for _, p := range pieces() {
		for _, chunked := range p.forms() {
			text, body := p.raw(chunked)
			start := max(0, body-20) // the header is handled by the server
			n++
			trial(t, "a byte a second", &p, setting{protocol: 1}, whole|refused, false, func(t *site) answer {
				return onItsOwn(t, func(conn net.Conn) answer {
					conn.Write(text[:start])
					for i := range text[start:] {
						time.Sleep(time.Second)
						if _, err := conn.Write(text[start+i : start+i+1]); err != nil {
							break
						}
					}
					return receive(conn, p.method)
				})
			})
		}
		if p.stops {
			continue // see TestFaultsOfClientsStuck
		}
		right := whole
		if p.streams {
			right |= dropped // a flush has ten seconds
		}
		n++
		text, _ := p.raw(false)
		trial(t, "a byte a second is read", &p, setting{protocol: 1}, right, false, func(t *site) answer {
			return onItsOwn(t, func(conn net.Conn) answer {
				conn.(*testkit.Link).Narrow(256)
				go conn.Write(text)
				return receive(&unhurried{Conn: conn}, p.method)
			})
		})
	}
	t.Logf("%d slow clients", n)
}

type unhurried struct{ net.Conn }

func (u *unhurried) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	return u.Conn.Read(p[:1])
}

// TestFaultsOfClientsStuck: a client that never reads does not block a handler for
// longer than its deadline. This needs a real clock, since a handler that is blocked in
// a write holds a lock.
func TestFaultsOfClientsStuck(t *testing.T) {
	tidy(t)
	for _, p := range those(func(p *piece) bool { return p.stops }) {
		endless := p.with(func(w http.ResponseWriter, r *http.Request) {
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		})
		text, _ := p.raw(false)
		trial(t, "a client that never reads", endless, setting{protocol: 1, sockets: true}, noted, false, func(t *site) answer {
			return onItsOwn(t, func(conn net.Conn) answer {
				conn.Write(text)
				for start := time.Now(); t.failures() == 0 && time.Since(start) < patience; {
					time.Sleep(time.Millisecond)
				}
				return answer{err: errGone}
			})
		})
	}
}
