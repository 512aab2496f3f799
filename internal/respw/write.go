package respw

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
)

// Header returns the header that the handler may change: the server's, or the
// handler's own behind a fence.
func (rw *Writer) Header() http.Header {
	if rw.fenced {
		return rw.header
	}
	return rw.inner.Header()
}

// WriteHeader commits the response with the status, or sends an informational
// response (1xx other than 101), which commits nothing.
func (rw *Writer) WriteHeader(status int) {
	rw.lock()
	defer rw.unlock()
	switch {
	case rw.dead != alive:
	case status < 100 || status > 999:
		rw.inner.WriteHeader(status) // panics, and commits nothing
	case status >= 100 && status <= 199 && status != http.StatusSwitchingProtocols:
		rw.inform(status)
	case rw.status != 0 || rw.hijacked:
		rw.inner.WriteHeader(status) // net/http logs who called it twice
	default:
		if rw.commit(status, 0) {
			rw.inner.WriteHeader(status)
		}
	}
}

// inform sends a 1xx response. Behind a fence it carries the handler's header,
// and then puts back what was there: the final answer may not be the handler's.
func (rw *Writer) inform(status int) {
	if !rw.fenced {
		rw.inner.WriteHeader(status)
		return
	}
	before := rw.inner.Header().Clone()
	replace(rw.inner.Header(), rw.header)
	rw.inner.WriteHeader(status)
	replace(rw.inner.Header(), before)
}

// commit notes that the final header is about to go out, with at least size
// bytes of body behind it. It reports false if a limit refused the response,
// which then is dead.
func (rw *Writer) commit(status, size int) bool {
	if f := rw.onCommit; f != nil {
		rw.onCommit = nil
		f(status)
	}
	h := rw.Header()
	if v := h["Content-Length"]; len(v) == 1 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			rw.declared = n
		}
	}
	if v := h["Content-Type"]; len(v) == 1 && isEventStream(v[0]) {
		rw.stream.Store(true)
	}
	switch status {
	case http.StatusNoContent, http.StatusNotModified:
		rw.noBody = true
	default:
		if rw.over(max(rw.declared, int64(size))) {
			return false
		}
	}
	if rw.fenced {
		replace(rw.inner.Header(), rw.header)
		rw.progress.Store(1)
	}
	rw.status = int32(status)
	return true
}

func isEventStream(contentType string) bool {
	mediaType, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "text/event-stream")
}

// over enforces the limit on a body of the given size.
func (rw *Writer) over(size int64) bool {
	b := rw.bound()
	if b == nil || size <= b.Max {
		return false
	}
	rw.dead = tooLarge
	refused := false
	defer func() {
		if !refused {
			// It has panicked, and what it wrote before may be a part of an answer or
			// nothing at all: whoever recovers must not take it for an answer.
			rw.dead, rw.status, rw.declared, rw.noBody = alive, http.StatusInternalServerError, -1, false
		}
	}()
	b.Exceeded(rw.inner, rw.asker, OnError(rw), size, rw.status != 0)
	refused = true
	return true
}

// bound returns the budget that may refuse a write, or nil.
func (rw *Writer) bound() *Budget {
	if b := rw.budget.Load(); b != nil && b.Max > 0 && b.Exceeded != nil && !rw.stream.Load() {
		return b
	}
	return nil
}

// begin is what every write of body goes through first.
func (rw *Writer) begin(size int) error {
	switch {
	case rw.dead != alive:
	case rw.status == 0 && !rw.hijacked:
		rw.commit(http.StatusOK, size)
	default:
		rw.over(rw.n + int64(size))
	}
	return rw.dead.err()
}

// part is how much is passed on at once behind a fence. What goes out is
// counted after each part, so that a slow client can be told from one that
// takes nothing.
const part = 256 << 10

// Write writes body, committing the response with 200 if it was not yet.
func (rw *Writer) Write(p []byte) (written int, err error) {
	rw.lock()
	defer rw.unlock()
	if err := rw.begin(len(p)); err != nil {
		return 0, err
	}
	for rw.fenced && len(p)-written > part && err == nil {
		n := 0
		n, err = rw.inner.Write(p[written : written+part])
		rw.count(int64(n))
		written += n
		err = whole(n, part, err)
	}
	if err == nil {
		n := 0
		n, err = rw.inner.Write(p[written:])
		rw.count(int64(n))
		written += n
	}
	return written, whole(written, len(p), err)
}

// whole returns the error of a write, and one for a writer that took less than
// it was given and has none, against the rules of io.Writer: nobody outside
// looks for that.
func whole(written, size int, err error) error {
	if err == nil && written < size {
		err = io.ErrShortWrite
	}
	return err
}

// WriteString is Write without the conversion.
func (rw *Writer) WriteString(s string) (int, error) {
	if rw.fenced && len(s) > part {
		return rw.Write([]byte(s))
	}
	rw.lock()
	defer rw.unlock()
	if err := rw.begin(len(s)); err != nil {
		return 0, err
	}
	n, err := io.WriteString(rw.inner, s)
	rw.count(int64(n))
	return n, whole(n, len(s), err)
}

// count notes that n more bytes of body were passed on.
func (rw *Writer) count(n int64) {
	rw.n += n
	if rw.fenced {
		rw.progress.Add(n)
	}
}

// sniffed is how much of a body net/http looks at before it sends the header.
const sniffed = 512

// readFrom hands src to the writer below, which may know sendfile.
func (rw *Writer) readFrom(src io.Reader) (total int64, err error) {
	rf, ok := rw.inner.(io.ReaderFrom)
	// Behind a fence only a regular file is copied under the lock. Any other
	// source may block for as long as it likes, and the fence with it.
	if !ok || rw.fenced && !isFile(src) {
		return io.Copy(struct{ io.Writer }{rw}, src)
	}
	if !rw.Committed() {
		// A source that fails or ends before its first byte commits nothing.
		total, err = io.CopyN(struct{ io.Writer }{rw}, src, sniffed)
		if err != nil {
			if err == io.EOF {
				err = nil
			}
			return total, err
		}
	}
	rw.lock()
	defer rw.unlock()
	if err := rw.begin(0); err != nil {
		return total, err
	}
	if !rw.fenced && rw.bound() == nil {
		n, err := rf.ReadFrom(src)
		rw.count(n)
		return total + n, err
	}
	n, err := rw.readParts(rf, src)
	return total + n, err
}

// readParts copies src in parts, to count them and to stop at the budget. The
// net package knows how to send a file through one io.LimitedReader, not
// through two, and io.CopyN supplies one already: so that one is narrowed.
func (rw *Writer) readParts(rf io.ReaderFrom, src io.Reader) (total int64, err error) {
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
		n, err := rf.ReadFrom(next)
		rw.count(n)
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

// probe is called when the budget is used up: is there more?
func (rw *Writer) probe(src io.Reader) error {
	var next [1]byte
	if n, err := io.ReadFull(src, next[:]); n == 0 {
		if err == io.EOF {
			err = nil
		}
		return err
	}
	rw.over(rw.n + 1)
	return rw.dead.err()
}

// isFile reports whether reading from src cannot wait for anybody.
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

// FlushError sends what is buffered, committing the response with 200 if it
// was not yet. It returns an error matching http.ErrNotSupported if nothing
// below can flush.
func (rw *Writer) FlushError() error {
	rw.lock()
	defer rw.unlock()
	if rw.dead != alive {
		return rw.dead.err()
	}
	if flush, _ := reach(rw.inner); flush && rw.status == 0 && !rw.hijacked {
		if !rw.commit(http.StatusOK, 0) {
			return rw.dead.err()
		}
		// Layers that add to the header when it is written, such as a cookie,
		// tend to let flushes pass.
		rw.inner.WriteHeader(http.StatusOK)
	}
	return http.NewResponseController(rw.inner).Flush()
}
