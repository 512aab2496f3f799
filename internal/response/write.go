package response

import (
	"io"
	"maps"
	"net/http"
	"os"
)

// begin precedes every write of body.
func (rw *Writer) begin(size int) error {
	if err := rw.lost(); err != nil {
		return err
	}
	if rw.status == 0 {
		return rw.commit(http.StatusOK, size, true)
	}
	return rw.afford(rw.n + int64(size))
}

// push begins a call that writes to the server, and first sends the bytes held back.
// The caller has to leave.
func (rw *Writer) push() error {
	from, err := rw.enter(Sent)
	if err != nil || from != Held {
		return err
	}
	sent := false
	defer func() {
		if !sent { // it failed or panicked, and the caller has no call to end
			rw.leave()
		}
	}()
	err = rw.send()
	sent = err == nil
	return err
}

// send gives the server the bytes held back. The call is inside.
func (rw *Writer) send() error {
	if !rw.implicit {
		rw.inner.WriteHeader(int(rw.status))
	}
	g := rw.guard
	if g.buffer == nil {
		return nil
	}
	defer g.release()
	n, err := rw.inner.Write(g.buffer[:rw.n])
	return checkShort(n, int(rw.n), err)
}

// holds reports whether p was held back. A body that p completes, or that is longer
// than declared, is sent at once, as is everything after the first bytes sent.
func holds[T string | []byte](rw *Writer, p T) bool {
	g, size := rw.guard, rw.n+int64(len(p))
	if g == nil || g.Look().Phase() != Held || rw.declared >= 0 && size >= rw.declared || !hold(g, rw.n, p) {
		return false
	}
	rw.count(int64(len(p)))
	return true
}

// part is how much is passed on at once with a guard. Bytes are counted after each
// part, to tell a slow client from one that reads nothing.
const part = 256 << 10

// Write writes body, committing the response with 200 if needed.
func (rw *Writer) Write(p []byte) (written int, err error) {
	if err := rw.begin(len(p)); err != nil {
		return 0, err
	}
	if holds(rw, p) {
		return len(p), nil
	}
	if err := rw.push(); err != nil {
		return 0, err
	}
	defer rw.leave()
	for rw.guard != nil && len(p)-written > part && err == nil {
		n := 0
		n, err = rw.inner.Write(p[written : written+part])
		rw.count(int64(n))
		written += n
		err = checkShort(n, part, err)
	}
	if err == nil {
		n := 0
		n, err = rw.inner.Write(p[written:])
		rw.count(int64(n))
		written += n
	}
	return written, checkShort(written, len(p), err)
}

// WriteFlush is Write and FlushError, in one call into the server's writer if the bytes
// held back are already sent.
func (rw *Writer) WriteFlush(p []byte) error {
	if !rw.Sent() || len(p) > part {
		if _, err := rw.Write(p); err != nil {
			return err
		}
		return rw.FlushError()
	}
	if err := rw.begin(len(p)); err != nil {
		return err
	}
	if err := rw.push(); err != nil {
		return err
	}
	defer rw.leave()
	n, err := rw.inner.Write(p)
	rw.count(int64(n))
	if err = checkShort(n, len(p), err); err != nil {
		return err
	}
	return flush(rw.inner)
}

// checkShort returns the error of a write, or one for a writer that wrote less than it was
// given without an error, against the rules of io.Writer: no layer outside checks that.
func checkShort(written, size int, err error) error {
	if err == nil && written < size {
		err = io.ErrShortWrite
	}
	return err
}

// WriteString is Write without the conversion.
func (rw *Writer) WriteString(s string) (int, error) {
	if rw.guard != nil && len(s) > part {
		return rw.Write([]byte(s))
	}
	if err := rw.begin(len(s)); err != nil {
		return 0, err
	}
	if holds(rw, s) {
		return len(s), nil
	}
	if err := rw.push(); err != nil {
		return 0, err
	}
	defer rw.leave()
	n, err := io.WriteString(rw.inner, s)
	rw.count(int64(n))
	return n, checkShort(n, len(s), err)
}

// count adds n bytes of body.
func (rw *Writer) count(n int64) {
	rw.n += n
	if rw.guard != nil {
		rw.guard.progress.Add(n)
	}
}

// Replace sends m in place of the handler's response, in one step. It reports false,
// and does nothing, if part of that was sent, or if the response is not the handler's
// any more.
func (rw *Writer) Replace(m *Memory) bool {
	if rw.Sent() {
		return false
	}
	if f := rw.onCommit; f != nil {
		rw.onCommit = nil
		replace(rw.Header(), m.header)
		f(m.Status)
		m.header = maps.Clone(rw.Header())
	}
	if _, err := rw.enter(Sent); err != nil {
		return false
	}
	defer rw.leave()
	if rw.guard != nil {
		rw.guard.release()
		rw.guard.header = m.header // without the trailers of the replaced response
	}
	rw.measure(m.header, m.Status)
	rw.status, rw.n = int32(m.Status), int64(m.Body.Len())
	rw.declared = rw.n
	_ = m.Send(rw.inner, rw.request.Method == http.MethodHead)
	return true
}

// sniffed is how much of a body net/http reads before it sends the header.
const sniffed = 512

// readFrom passes src to the writer below, which may use sendfile.
func (rw *Writer) readFrom(src io.Reader) (total int64, err error) {
	rf, ok := rw.inner.(io.ReaderFrom)
	// With a guard only a regular file is passed. Any other source may block for any
	// time, which must not happen inside.
	if !ok || rw.guard != nil && !isFile(src) {
		return io.Copy(struct{ io.Writer }{rw}, src)
	}
	if rw.status == 0 {
		// A source that fails or ends before its first byte commits nothing.
		total, err = io.CopyN(struct{ io.Writer }{rw}, src, sniffed)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
	}
	if err := rw.begin(0); err != nil {
		return total, err
	}
	n, err := rw.readParts(rf, src)
	return total + n, err
}

// readParts copies src in parts, to count them and to stop at the budget. Package net
// can send a file through one io.LimitedReader, not through two, and io.CopyN already
// supplies one: so that one is narrowed.
func (rw *Writer) readParts(rf io.ReaderFrom, src io.Reader) (total int64, err error) {
	if rw.guard == nil && rw.bound() == nil {
		n, err := rf.ReadFrom(src)
		rw.count(n)
		return n, err
	}
	bounded, _ := src.(*io.LimitedReader)
	for {
		next := &io.LimitedReader{R: src, N: 4 * part}
		if bounded != nil {
			next.R, next.N = bounded.R, min(next.N, bounded.N)
		}
		if b := rw.bound(); b != nil {
			next.N = min(next.N, b.Max-rw.n)
		}
		want := next.N
		n, err := rw.readPart(rf, next)
		total += n
		if bounded != nil {
			bounded.N -= n
		}
		if err != nil || n < want {
			return total, err
		}
		if b := rw.bound(); b != nil && rw.n == b.Max {
			return total, rw.probe(src)
		}
		if want == 0 {
			return total, nil
		}
	}
}

func (rw *Writer) readPart(rf io.ReaderFrom, src io.Reader) (int64, error) {
	if err := rw.push(); err != nil {
		return 0, err
	}
	defer rw.leave()
	n, err := rf.ReadFrom(src)
	rw.count(n)
	return n, err
}

// probe is called when the budget is used up, and checks whether there is more.
func (rw *Writer) probe(src io.Reader) error {
	var next [1]byte
	if n, err := io.ReadFull(src, next[:]); n == 0 {
		if err == io.EOF {
			err = nil
		}
		return err
	}
	return rw.afford(rw.n + 1)
}

// isFile reports whether reading from src cannot block.
func isFile(src io.Reader) bool {
	if bounded, ok := src.(*io.LimitedReader); ok {
		src = bounded.R
	}
	f, ok := src.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}
