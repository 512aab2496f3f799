package response

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// http1 and http2 add the methods of the writer below to a Writer. Both are a single
// pointer, which an interface holds without allocating.
type (
	http1 struct{ *Writer }
	http2 struct{ *Writer }
)

var (
	_ interface {
		http.Flusher
		http.Hijacker
		http.CloseNotifier //lint:ignore SA1019 gin and others assert it
		io.ReaderFrom
		io.StringWriter
	} = http1{}
	_ interface {
		http.Flusher
		http.CloseNotifier //lint:ignore SA1019 gin and others assert it
		http.Pusher
		io.StringWriter
	} = http2{}
)

func (w http2) Flush() { _ = w.FlushError() }
func (w http1) Flush() { _ = w.FlushError() }

func (w http1) ReadFrom(src io.Reader) (int64, error) { return w.readFrom(src) }

// Hijack hijacks the connection. gorilla/websocket asks for it with a type assertion,
// not through http.ResponseController.
func (w http1) Hijack() (net.Conn, *bufio.ReadWriter, error) { return w.hijack() }

// CloseNotify reports that the client is gone. It is deprecated, but gin's
// Context.Stream still asserts it.
func (w http1) CloseNotify() <-chan bool { return w.closeNotify() }
func (w http2) CloseNotify() <-chan bool { return w.closeNotify() }

// closeNotify does with a context what the server's writer does itself, since that
// writer must not be called after the handler has returned. A response that was taken
// has no client either.
func (rw *Writer) closeNotify() <-chan bool {
	ctx := rw.request.Context()
	if rw.guard != nil && rw.guard.Context != nil {
		ctx = rw.guard.Context
	}
	gone := make(chan bool, 1)
	context.AfterFunc(ctx, func() { gone <- true })
	return gone
}

// Push starts an HTTP/2 server push, if the server supports it.
func (w http2) Push(target string, opts *http.PushOptions) error {
	if _, err := w.enter(Open); err != nil {
		return err
	}
	defer w.leave()
	if p, ok := Find[http.Pusher](w.inner); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// FlushError sends the bytes written so far, committing the response with 200 if
// needed. It returns an error matching http.ErrNotSupported if no writer below can
// flush. The response of a limit is sent too, though the handler gets the error.
func (rw *Writer) FlushError() error {
	if err := rw.beginFlush(); err != nil {
		return err
	}
	defer rw.leave()
	if err := flush(rw.inner); err != nil || !rw.rejected.Load() {
		return err
	}
	return ErrTooLarge
}

// beginFlush pushes whatever there is. It is a separate function to keep the stack of
// an open stream under 8 KB.
func (rw *Writer) beginFlush() error {
	switch err := rw.lost(); {
	case err == ErrTooLarge && rw.flushes && rw.status != 0:
	case err != nil:
		return err
	case !rw.flushes:
		return http.ErrNotSupported
	}
	if rw.status == 0 {
		// Layers that add header fields, such as a cookie, at the first write often
		// ignore flushes: so this is a write.
		if err := rw.commit(http.StatusOK, 0, false); err != nil {
			return err
		}
	}
	return rw.push()
}

// flush works like http.ResponseController, which would be allocated for each call.
func flush(w http.ResponseWriter) error {
	for ; w != nil; w = Below(w) {
		switch f := w.(type) {
		case interface{ FlushError() error }:
			return f.FlushError()
		case http.Flusher:
			f.Flush()
			return nil
		}
	}
	return http.ErrNotSupported
}

func (rw *Writer) hijack() (net.Conn, *bufio.ReadWriter, error) {
	if err := rw.lost(); err != nil {
		return nil, nil, err
	}
	if rw.status != 0 { // net/http has sent the bytes so far, too
		if err := rw.push(); err != nil {
			return nil, nil, err
		}
		rw.leave()
	}
	return rw.seize()
}

// seize hijacks the connection, whatever is held back.
func (rw *Writer) seize() (net.Conn, *bufio.ReadWriter, error) {
	after, err := rw.enter(Hijacking)
	if err != nil {
		return nil, nil, err
	}
	if g := rw.guard; g != nil {
		defer func() {
			if was, takes := g.hijacked(after); takes {
				go g.owner.Taken(was)
			}
		}()
	}
	conn, buf, err := http.NewResponseController(rw.inner).Hijack()
	if err == nil {
		after = Foreign
		rw.hijacked = rw.guard == nil
	}
	return conn, buf, err
}

// SetReadDeadline and the two methods after it pass the call on while the response is
// the handler's: later it could undo the deadline that frees it. They look for the
// method themselves, since an http.ResponseController would be allocated for each call.
func (rw *Writer) SetReadDeadline(t time.Time) error {
	if _, err := rw.enter(Open); err != nil {
		return err
	}
	defer rw.leave()
	if d, ok := Find[interface{ SetReadDeadline(time.Time) error }](rw.inner); ok {
		return d.SetReadDeadline(t)
	}
	return http.ErrNotSupported
}

// SetWriteDeadline sets the deadline for writing the response.
func (rw *Writer) SetWriteDeadline(t time.Time) error {
	if _, err := rw.enter(Open); err != nil {
		return err
	}
	defer rw.leave()
	if d, ok := Find[interface{ SetWriteDeadline(time.Time) error }](rw.inner); ok {
		err := d.SetWriteDeadline(t)
		if rw.guard != nil && rw.guard.Look().Late() { // it may have undone a Hurry
			_ = d.SetWriteDeadline(time.Now().Add(Grace))
		}
		return err
	}
	return http.ErrNotSupported
}

// EnableFullDuplex lets a handler read the body while it writes the response.
func (rw *Writer) EnableFullDuplex() error {
	if _, err := rw.enter(Open); err != nil {
		return err
	}
	defer rw.leave()
	return http.NewResponseController(rw.inner).EnableFullDuplex()
}
