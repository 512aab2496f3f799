package respw

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// http1 and http2 add to a Writer what the writer below it can do. Both are a
// single pointer, which an interface holds without allocating.
type (
	http1 struct{ *Writer }
	http2 struct{ *Writer }
)

var (
	_ interface {
		http.Flusher
		http.Hijacker
		io.ReaderFrom
		io.StringWriter
	} = http1{}
	_ interface {
		http.Flusher
		io.StringWriter
	} = http2{}
)

func (w http2) Flush() { _ = w.FlushError() }
func (w http1) Flush() { _ = w.FlushError() }

func (w http1) ReadFrom(src io.Reader) (int64, error) { return w.readFrom(src) }

// Hijack takes the connection over. gorilla/websocket asks for it by a type
// assertion, not through http.ResponseController.
func (w http1) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }
