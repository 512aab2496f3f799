package fromgin

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"github.com/gin-gonic/gin"
)

// Middleware adapts a net/http middleware to gin, for r.Use and for groups. The
// handlers inside it use the writer and the request of the middleware. If the
// middleware does not call its handler, they do not run.
//
// Put middleware.Timeout around the engine instead. Over HTTP/2 it responds while the
// handler still runs, and gin gives the context of that handler to the next request.
func Middleware(m func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		called := false
		m(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			called = true
			outer, request := c.Writer, c.Request
			defer func() { c.Writer, c.Request = outer, request }()
			inner := &writer{ResponseWriter: outer, to: w, status: outer.Status(), size: -1}
			c.Writer, c.Request = inner, r
			c.Next()
			if inner.chosen {
				inner.WriteHeaderNow() // for c.Status(204), which sends nothing itself
			}
		})).ServeHTTP(c.Writer, c.Request)
		if !called {
			c.Abort()
		}
	}
}

// A writer is the writer for gin's handlers. Like gin's own, it keeps the status
// until the first byte, so that handlers can change it until then. The embedded
// writer provides only rarely used methods.
type writer struct {
	gin.ResponseWriter
	to     http.ResponseWriter
	status int
	chosen bool
	size   int // -1 until the header is sent
}

func (w *writer) Header() http.Header         { return w.to.Header() }
func (w *writer) Status() int                 { return w.status }
func (w *writer) Size() int                   { return w.size }
func (w *writer) Written() bool               { return w.size >= 0 }
func (w *writer) Unwrap() http.ResponseWriter { return w.to }

func (w *writer) WriteHeader(status int) {
	if status > 0 && !w.Written() { // gin sends -1 with a redirect
		w.status, w.chosen = status, true
	}
}

func (w *writer) WriteHeaderNow() {
	if !w.Written() {
		w.size = 0
		w.to.WriteHeader(w.status)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeaderNow()
	n, err := w.to.Write(p)
	w.size += n
	return n, err
}

func (w *writer) WriteString(s string) (int, error) {
	w.WriteHeaderNow()
	n, err := io.WriteString(w.to, s)
	w.size += n
	return n, err
}

func (w *writer) Flush() {
	w.WriteHeaderNow()
	_ = http.NewResponseController(w.to).Flush()
}

func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.to).Hijack()
}
