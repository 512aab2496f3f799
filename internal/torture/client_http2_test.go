package torture_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// overTwo sends the request over HTTP/2, on a connection of its own.
func (a *attack) overTwo(send *request, want verdict) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	var conn net.Conn
	transport := &http.Transport{Protocols: &protocols, DisableCompression: true, DialContext: func(context.Context, string, string) (net.Conn, error) {
		var err error
		conn, err = net.DialTimeout("tcp", a.addr, a.patience)
		return conn, err
	}}
	// A transport closes idle connections. This one may not be idle: a request may get
	// its response long before its body is sent.
	defer func() {
		transport.CloseIdleConnections()
		if conn != nil {
			conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), a.patience)
	defer cancel()

	got := roundTrip(ctx, transport, a.addr, send)
	a.judge(&got, want)
	if got.err != nil && errors.Is(got.err, context.DeadlineExceeded) {
		a.find(misfit, "no answer in %v", a.patience)
		return
	}
	next := roundTrip(ctx, transport, a.addr, &request{target: "/api/honest/next"})
	if err := is(200, "next")(&next); err != nil {
		a.find(harmed, "%v; got %v", err, &next)
	}
}

// roundTrip sends one request and reads the response, as far as it arrives.
func roundTrip(ctx context.Context, transport http.RoundTripper, addr string, send *request) answer {
	over := func() error { return nil }
	// The target is sent as written.
	r := (&http.Request{
		Method: send.verb(),
		URL:    &url.URL{Scheme: "http", Host: addr, Opaque: send.target},
		Host:   "kit.test",
		Header: make(http.Header),
	}).WithContext(ctx)
	for _, f := range send.fields {
		name, value, _ := strings.Cut(f, ": ")
		if name == "Host" {
			r.Host = value
			continue
		}
		r.Header[http.CanonicalHeaderKey(name)] = append(r.Header[http.CanonicalHeaderKey(name)], value)
	}
	if r.Method != "GET" && r.Method != "HEAD" || send.length() > 0 || send.chunked {
		body := &clientBody{send: send, rest: send.body, answered: make(chan struct{})}
		over = body.Close // otherwise closing the response waits for the rest
		r.Body = body
		r.ContentLength = int64(send.length())
		if send.chunked {
			r.ContentLength = -1
		}
	}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return answer{err: err}
	}
	defer over()
	return received(resp)
}

// A clientBody is the body of a request, with its faults.
type clientBody struct {
	send     *request
	rest     string
	answered chan struct{}
	once     sync.Once
}

func (b *clientBody) Read(p []byte) (int, error) {
	if b.rest == "" {
		switch {
		case b.send.early:
			return 0, errors.New("the client breaks off")
		case b.send.stay:
			<-b.answered
		}
		return 0, io.EOF
	}
	if b.send.pause > 0 {
		p = p[:1]
		select {
		case <-time.After(b.send.pause):
		case <-b.answered:
			return 0, io.EOF
		}
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *clientBody) Close() error {
	b.once.Do(func() { close(b.answered) })
	return nil
}
