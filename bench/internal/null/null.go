// Package null has response writers that do nothing, and requests that cost as
// much as those of net/http.
package null

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"time"
)

// A Writer is a ResponseWriter with all optional methods of the one of net/http for
// HTTP/1. It keeps the status, counts the writes, and by default does nothing else.
type Writer struct {
	header http.Header
	Status int
	Writes int
	Kept   *bytes.Buffer // what is written, unless it is nil
}

// NewWriter returns a Writer.
func NewWriter() *Writer { return &Writer{header: make(http.Header)} }

// Reset resets the Writer.
func (w *Writer) Reset() {
	clear(w.header)
	w.Status, w.Writes = 0, 0
}

func (w *Writer) Header() http.Header { return w.header }

func (w *Writer) WriteHeader(status int) {
	if w.Status == 0 {
		w.Status = status
	}
}

func (w *Writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.Writes++
	if w.Kept != nil {
		w.Kept.Write(p)
	}
	return len(p), nil
}

func (w *Writer) WriteString(s string) (int, error) {
	return w.Write([]byte(s))
}

func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{w}, r)
}

func (w *Writer) Flush() {}

func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, http.ErrNotSupported
}

func (w *Writer) SetReadDeadline(time.Time) error  { return nil }
func (w *Writer) SetWriteDeadline(time.Time) error { return nil }

// A Request returns copies of one request. Layers cache values on a request, so that
// reusing one would hide their cost.
type Request struct {
	template *http.Request
	copy     http.Request
	body     body
}

// NewRequest returns a Request. Its context can be canceled, like that of net/http,
// so that contexts derived from it cost the same.
func NewRequest(method, target string, header ...string) *Request {
	ctx, cancel := context.WithCancel(context.Background())
	_ = cancel
	r := httptest.NewRequest(method, target, nil).WithContext(ctx)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return &Request{template: r}
}

// Protocol makes the requests those of HTTP/1 or HTTP/2.
func (r *Request) Protocol(major int) { r.template.ProtoMajor = major }

// Fresh returns an unused request, valid until the next call. The header is shared:
// what a layer writes to it stays.
func (r *Request) Fresh(text []byte) *http.Request {
	r.copy = *r.template
	r.copy.Body, r.copy.ContentLength = http.NoBody, int64(len(text))
	if len(text) > 0 {
		r.body.Reset(text)
		r.copy.Body = &r.body
	}
	return &r.copy
}

type body struct{ bytes.Reader }

func (*body) Close() error { return nil }
