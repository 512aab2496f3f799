package requestbody

import (
	"io"
	"net/http"
)

// A Limited is an r.Body with a limit. Reading beyond it fails with
// *http.MaxBytesError, and closes the connection after the response.
type Limited struct {
	src  io.ReadCloser
	w    http.ResponseWriter
	r    *http.Request
	max  int64
	left int64
	err  error // of all further reads

	clock Clock
}

// Put makes l the body of r, reading from the previous body.
func (l *Limited) Put(w http.ResponseWriter, r *http.Request, limit int64) {
	*l = Limited{src: r.Body, w: w, r: r, max: limit, left: limit, clock: ClockOf(r)}
	r.Body = l
}

// Read works like that of http.MaxBytesReader.
func (l *Limited) Read(p []byte) (int, error) {
	if l.err != nil || len(p) == 0 {
		return 0, l.err
	}
	// One byte beyond the limit shows whether there is more.
	if int64(len(p))-1 > l.left {
		p = p[:l.left+1]
	}
	l.clock.Reading(true)
	n, err := l.src.Read(p)
	l.clock.Reading(false)
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
