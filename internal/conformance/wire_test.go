package conformance_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// raw sends the exact bytes of the request to a server, and reads the whole response.
func (r request) raw(addr string, header [][2]string) (*answer, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = conn.Write(r.bytes(header)) // fails if the server has rejected it before the end
	}()
	incoming := bufio.NewReader(conn)
	var a *answer
	resp, err := http.ReadResponse(incoming, &http.Request{Method: r.Method})
	if err == nil {
		a, err = read(resp)
	} else if isCut(err) {
		a, err = &answer{cut: true}, nil
	}
	// The server ends the connection after the handler has returned.
	_, _ = io.Copy(io.Discard, incoming)
	conn.Close()
	<-sent
	return a, err
}

func (r request) bytes(header [][2]string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: app.example\r\nConnection: close\r\n", r.Method, r.Path)
	declared := false
	for _, field := range header {
		fmt.Fprintf(&b, "%s: %s\r\n", field[0], field[1])
		declared = declared || field[0] == "Content-Length"
	}
	body, present := r.body()
	switch {
	case r.Chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for len(body) > 0 {
			chunk := body[:min(len(body), 10_000)]
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
			body = body[len(chunk):]
		}
		b.WriteString("0\r\n\r\n")
		return b.Bytes()
	case present && !declared:
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// through sends the request with a client, if that sends it unchanged.
func (r request) through(client *http.Client, base string, header [][2]string) (a *answer, carried bool, err error) {
	if u, err := url.ParseRequestURI(r.Path); err != nil || u.RequestURI() != strings.TrimSuffix(r.Path, "?") {
		return nil, false, nil
	}
	var body io.Reader
	if text, present := r.body(); present {
		body = bytes.NewReader(text)
		if r.Chunked {
			body = io.MultiReader(body) // of unknown length
		}
	}
	req, err := http.NewRequest(r.Method, base+r.Path, body)
	if err != nil {
		return nil, false, err
	}
	for _, field := range header {
		if field[0] != "Content-Length" {
			req.Header.Add(field[0], field[1])
		}
	}
	resp, err := client.Do(req)
	if isCut(err) {
		return &answer{cut: true}, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	defer resp.Body.Close()
	a, err = read(resp)
	return a, true, err
}

// asServed turns the response of a recorder into that of a server.
func (a *answer) asServed(r request) {
	bodiless := a.status == http.StatusNoContent || a.status == http.StatusNotModified
	if r.Method == http.MethodHead {
		a.body = nil
	} else if a.header.Get("Content-Length") == "" && !bodiless {
		a.header.Set("Content-Length", strconv.Itoa(len(a.body)))
	}
}

func read(resp *http.Response) (*answer, error) {
	a := &answer{status: resp.StatusCode, header: resp.Header}
	var err error
	a.body, err = io.ReadAll(resp.Body)
	if isCut(err) {
		a.cut, err = true, nil
	}
	return a, err
}

// isCut reports whether the connection, or the HTTP/2 stream, ended before the response
// did.
func isCut(err error) bool {
	return errors.Is(err, io.ErrUnexpectedEOF) || err != nil && strings.Contains(err.Error(), "stream error")
}
