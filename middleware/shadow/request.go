package shadow

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// credentials are the fields that Config.NoCredentials removes.
func credentials() []string { return []string{"Cookie", "Authorization", "Proxy-Authorization"} }

// conditions are the fields that let a server send less than the whole response.
func conditions() []string {
	return []string{"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range"}
}

// skipReason says why a request is not compared, before the handler runs.
func (s *Shadow) skipReason(r *http.Request) Reason {
	for _, name := range conditions() {
		if len(r.Header[name]) > 0 {
			return Conditional
		}
	}
	switch {
	case len(r.Header["Upgrade"]) > 0:
		return Upgrade
	case r.ContentLength > int64(s.cfg.BodyLimit):
		return RequestTooLarge
	}
	return ""
}

// prepare copies the parts of the request that the handler may change.
func (c *comparison) prepare(r *http.Request) {
	c.url = *r.URL
	u := c.url
	c.request = &http.Request{
		Method: r.Method, URL: &u, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: r.Header.Clone(), Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI, TLS: r.TLS,
		Body: http.NoBody,
	}
	// Compressed bodies differ from one compressor to the next.
	c.request.Header.Del("Accept-Encoding")
	c.request.Header.Del("Expect") // the body is already here
	if c.s.cfg.NoCredentials {
		for _, name := range credentials() {
			c.request.Header.Del(name)
		}
	}
	// These belong to the server, and outlive the request.
	c.values = values{r.Context().Value(http.ServerContextKey), r.Context().Value(http.LocalAddrContextKey)}
	if r.Body != nil && r.Body != http.NoBody && r.ContentLength != 0 {
		c.body = &requestBody{ReadCloser: r.Body, left: int64(c.s.cfg.BodyLimit), length: r.ContentLength}
	}
}

// values are the context values of a server.
type values struct{ server, addr any }

// context returns the shadow's context.
func (v values) context() context.Context {
	ctx := context.Background()
	if v.server != nil {
		ctx = context.WithValue(ctx, http.ServerContextKey, v.server)
	}
	if v.addr != nil {
		ctx = context.WithValue(ctx, http.LocalAddrContextKey, v.addr)
	}
	return ctx
}

// A requestBody records what the handler reads.
type requestBody struct {
	io.ReadCloser
	read   bytes.Buffer
	left   int64 // of Config.BodyLimit; negative once exceeded
	length int64 // declared by the client, -1 if it is not
	end    bool
}

func (b *requestBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left >= 0 {
		b.read.Write(p[:n])
	} else {
		b.read = bytes.Buffer{}
	}
	// A separate Read may report the end, and a decoder may never call it.
	b.end = b.end || err == io.EOF || int64(b.read.Len()) == b.length
	return n, err
}

// unreadable says why the shadow cannot get the body, which only the handler could
// read.
func (c *comparison) unreadable() Reason {
	switch {
	case c.body == nil:
		return ""
	case c.body.left < 0:
		return RequestTooLarge
	case !c.body.end:
		return BodyNotRead
	}
	text := c.body.read.Bytes()
	c.request.Body, c.request.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	c.request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(text)), nil }
	return ""
}
