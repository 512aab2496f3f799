package reqbody

import (
	"io"
	"net/http"
)

// A Limited is an r.Body that can be read up to a limit. Reading beyond it fails
// with *http.MaxBytesError, and has the connection closed.
type Limited struct {
	src  io.ReadCloser
	w    http.ResponseWriter
	r    *http.Request
	max  int64
	left int64
	err  error // of all reads from now on
}

// Put makes l the body of r, with what was there before below it.
func (l *Limited) Put(w http.ResponseWriter, r *http.Request, limit int64) {
	*l = Limited{src: r.Body, w: w, r: r, max: limit, left: limit}
	r.Body = l
}

// Read is that of an http.MaxBytesReader.
func (l *Limited) Read(p []byte) (int, error) {
	if l.err != nil || len(p) == 0 {
		return 0, l.err
	}
	// One byte more than is left tells whether there is more.
	if int64(len(p))-1 > l.left {
		p = p[:l.left+1]
	}
	n, err := l.src.Read(p)
	if int64(n) > l.left {
		n, err = int(l.left), &http.MaxBytesError{Limit: l.max}
		Refuse(l.w, l.r)
	}
	l.left -= int64(n)
	l.err = err
	return n, err
}

// Close closes the body below.
func (l *Limited) Close() error { return l.src.Close() }
