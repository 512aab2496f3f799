package bodyparser

import (
	"bufio"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
)

// decompress reads src to its end. The limit applies to both sides: without a limit on
// the compressed bytes, empty members of a gzip stream could keep a server busy
// forever.
func (p *parser) decompress(src io.Reader, decode decoder, buf []byte) ([]byte, error) {
	in := &limitReader{src, p.limit, p.limit}
	z, err := decode(in)
	if err != nil {
		return buf, inflateError(err)
	}
	buf, err = readAll(z, -1, p.limit, buf)
	if closeErr := z.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		// Only the end of the body shows that it is complete.
		var n int64
		if n, err = io.Copy(io.Discard, in); n > 0 {
			err = errTrailing
		}
	}
	return buf, inflateError(err)
}

// A limitReader fails with an Error after limit bytes.
type limitReader struct {
	src         io.Reader
	limit, left int64
}

func (l *limitReader) Read(p []byte) (int, error) {
	n, err := l.src.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge(l.limit)
	}
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// A sourceError comes from the client's side of a decoder. An error of the
// decoder itself is never the fault of the connection, even if it has the same
// name: gzip calls a stream that ends early io.ErrUnexpectedEOF.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// gunzip reads all members of a gzip stream. Only another member may follow, so
// trailing bytes are an error.
func gunzip(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }

// inflate reads the zlib format, which is what "deflate" means (RFC 9110,
// section 8.4.1.2). Like Node.js, it refuses raw deflate data, which some
// clients send under that name.
func inflate(r io.Reader) (io.ReadCloser, error) {
	src := bufio.NewReader(r) // a ByteReader, so that it reads nothing past the end
	z, err := zlib.NewReader(src)
	return &exactReader{z, src}, err
}

// An exactReader is a compressed stream without trailing bytes.
type exactReader struct {
	io.ReadCloser
	src *bufio.Reader
}

func (e *exactReader) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err == io.EOF {
		if _, more := e.src.ReadByte(); more == nil {
			err = errTrailing
		} else {
			err = more
		}
	}
	return n, err
}

var errTrailing = errors.New("data behind the end of the compressed stream")

// describeInflated makes the header of r fit the decompressed body, for
// handlers that read it again. Other code shares the header of the original
// request, so it is replaced, not changed.
func describeInflated(r *http.Request, size int) {
	r.Header = r.Header.Clone()
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	r.ContentLength = int64(size)
}
