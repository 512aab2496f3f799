package torture_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// This client reads responses as strictly as a proxy should: where a lenient reader
// forgives, two readers of the same bytes disagree.

// patience is the time after which anything counts as never.
const patience = time.Minute

// A client is one HTTP/1.1 connection.
type client struct {
	*net.TCPConn
	in *bufio.Reader
}

func dial(p *process) (*client, error) {
	conn, err := net.DialTimeout("tcp", p.addr, p.patience)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(p.patience))
	return &client{conn.(*net.TCPConn), bufio.NewReader(conn)}, nil
}

// malformed is an invalid response.
func malformed(format string, args ...any) error {
	return fmt.Errorf("malformed answer: "+format, args...)
}

// answer reads one response to a request with the given method.
func (c *client) answer(method string) (a answer) {
	for {
		continues := a.continues
		a = answer{continues: continues}
		if a.err = c.head(&a); a.err != nil {
			return a
		}
		if a.status >= 200 {
			break
		}
		a.continues++
	}
	a.last = strings.EqualFold(a.get("Connection"), "close")
	body, err := c.body(method, &a)
	a.body, a.err = string(body), err
	return a
}

func (c *client) head(a *answer) error {
	a.header = make(http.Header)
	line, err := c.line()
	if err != nil {
		return err
	}
	version, rest, _ := strings.Cut(line, " ")
	code, _, _ := strings.Cut(rest, " ")
	if version != "HTTP/1.1" && version != "HTTP/1.0" || len(code) != 3 {
		return malformed("status line %q", line)
	}
	status, err := strconv.Atoi(code)
	if err != nil || status < 100 {
		return malformed("status line %q", line)
	}
	a.last = version == "HTTP/1.0"
	for {
		line, err := c.line()
		if err != nil {
			return errors.Join(errors.New("half a header"), err)
		}
		if line == "" {
			a.status = status
			return nil
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t\"(),/:;<=>?@[\\]{}") {
			return malformed("header line %q", line)
		}
		a.header.Add(name, strings.TrimSpace(value))
	}
}

// line reads a line that ends in CR LF and has no other control byte than a tab.
func (c *client) line() (string, error) {
	line, err := c.in.ReadString('\n')
	if err != nil {
		if err == io.EOF && line != "" {
			err = io.ErrUnexpectedEOF
		}
		return "", err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if !ok {
		return "", malformed("line without CR LF %q", line)
	}
	for i := range len(line) {
		if b := line[i]; b < ' ' && b != '\t' || b == 0x7f {
			return "", malformed("control byte in %q", line)
		}
	}
	return line, nil
}

func (c *client) body(method string, a *answer) ([]byte, error) {
	length, coding := a.get("Content-Length"), a.get("Transfer-Encoding")
	switch {
	case length != "" && coding != "":
		return nil, malformed("a length and a coding")
	case method == "HEAD" || a.status == 204 || a.status == 304:
		return nil, nil
	case coding != "":
		if coding != "chunked" {
			return nil, malformed("coding %q", coding)
		}
		return c.chunks()
	case length != "":
		n, err := strconv.ParseUint(length, 10, 31)
		if err != nil {
			return nil, malformed("length %q", length)
		}
		body := make([]byte, n)
		got, err := io.ReadFull(c.in, body)
		return body[:got], err
	}
	a.last = true
	return io.ReadAll(c.in)
}

func (c *client) chunks() (body []byte, err error) {
	for {
		line, err := c.line()
		if err != nil {
			return body, errors.Join(io.ErrUnexpectedEOF, err)
		}
		n, err := strconv.ParseUint(line, 16, 31)
		if err != nil {
			return body, malformed("chunk %q", line)
		}
		chunk := make([]byte, n)
		got, err := io.ReadFull(c.in, chunk)
		body = append(body, chunk[:got]...)
		if err != nil {
			return body, errors.Join(io.ErrUnexpectedEOF, err)
		}
		end, err := c.line()
		switch {
		case err != nil:
			return body, errors.Join(io.ErrUnexpectedEOF, err)
		case end != "":
			return body, malformed("end of chunk %q", end)
		}
		if n == 0 {
			return body, nil
		}
	}
}

// ends reports whether the connection ends without another byte.
func (c *client) ends() error {
	b, err := c.in.ReadByte()
	if err == nil {
		more, _ := c.in.Peek(c.in.Buffered())
		return fmt.Errorf("%q comes after the response", string(b)+string(more))
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return errors.New("the connection stays open")
	}
	return nil
}
