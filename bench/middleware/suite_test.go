// Package middleware_test measures the pieces of package middleware beside what
// Go services use for the same work.
package middleware_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A rival is one way to put something around a handler.
type rival struct {
	name string
	wrap func(http.Handler) http.Handler
}

func bare(h http.Handler) http.Handler { return h }

// null is a ResponseWriter that can all that the one of net/http can, and does
// nothing.
type null struct{ header http.Header }

func (w *null) Header() http.Header                          { return w.header }
func (w *null) WriteHeader(int)                              {}
func (w *null) Write(p []byte) (int, error)                  { return len(p), nil }
func (w *null) WriteString(s string) (int, error)            { return len(s), nil }
func (w *null) ReadFrom(r io.Reader) (int64, error)          { return io.Copy(io.Discard, r) }
func (w *null) Flush()                                       {}
func (w *null) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, http.ErrNotSupported }
func (w *null) SetReadDeadline(time.Time) error              { return nil }
func (w *null) SetWriteDeadline(time.Time) error             { return nil }

// run measures the handler behind each rival. The context of the request can
// be cancelled, as that of net/http can, which is what contexts derived from
// it cost. Every request is a copy, since layers leave things on it.
func run(b *testing.B, protocol int, handler http.Handler, rivals ...rival) {
	runWith(b, protocol, body, handler, rivals...)
}

func runWith(b *testing.B, protocol int, body string, handler http.Handler, rivals ...rival) {
	for _, rival := range rivals {
		b.Run(rival.name, func(b *testing.B) {
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			template := httptest.NewRequest("POST", "/api/post/1", nil).WithContext(ctx)
			template.ProtoMajor = protocol
			template.Header.Set("Content-Type", "application/json")
			h := rival.wrap(handler)
			w, r := &null{http.Header{}}, new(http.Request)
			b.ReportAllocs()
			for b.Loop() {
				*r = *template
				r.Body, r.ContentLength = http.NoBody, int64(len(body))
				if body != "" {
					r.Body = io.NopCloser(strings.NewReader(body))
				}
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}

const body = `{"title":"Hello","text":"A post of the usual length, with a few words in it.","tags":["a","b"]}`
