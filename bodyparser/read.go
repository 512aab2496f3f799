package bodyparser

import (
	"io"
	"net/http"

	"github.com/apiece/apiece/internal/reqbody"
)

const (
	// firstBuffer is as much as a declared length is believed: a client that
	// declares more has to send this much before memory is set aside for the
	// rest, in steps of growth times what has arrived.
	firstBuffer = 64 << 10
	growth      = 16

	// smallBuffer is where reading starts if no length was declared.
	smallBuffer = 4 << 10

	// keptBuffer is the largest buffer that waits for the next request.
	keptBuffer = 256 << 10
)

// read reads the whole body into buf, which may grow. It is the only place
// where bodies are read.
//
// The limit is counted here rather than by an http.MaxBytesReader around the
// body: that would be one more allocation, and net/http has cut the body at
// its declared length already. The count still holds where somebody has put
// another reader into r.Body and left the length as it was.
func (s *settings) read(w http.ResponseWriter, r *http.Request, decode decoder, buf []byte) ([]byte, error) {
	if s.limit >= 0 && r.ContentLength > s.limit {
		reqbody.Refuse(w, r)
		return buf, tooLarge(s.limit)
	}
	src := r.Body
	if src == nil || src == http.NoBody {
		if decode == nil {
			return buf, complete(r, 0)
		}
		src = http.NoBody // which is nothing that could be inflated
	}
	// A Timeout that ends sooner has its timer already.
	covered := reqbody.Covered(r, s.ReadTimeout)
	var deadline reqbody.Deadline
	if !covered {
		deadline = reqbody.Arm(w, r, s.ReadTimeout)
	}
	var err error
	if decode != nil {
		buf, err = s.inflate(src, decode, buf)
	} else {
		buf, err = readAll(src, r.ContentLength, s.limit, buf)
	}
	if err != nil {
		if covered { // for net/http, which may read on when the Timeout is over
			reqbody.Arm(w, r, s.ReadTimeout)
		}
		e := readError(r.Context(), err)
		if e.Status == http.StatusRequestEntityTooLarge {
			reqbody.Refuse(w, r)
		}
		return buf, e
	}
	deadline.Disarm()
	if decode == nil {
		err = complete(r, len(buf))
	}
	return buf, err
}

// complete finds out whether somebody has read the body before. net/http does
// not end a body of a declared length without an error before it is all there.
func complete(r *http.Request, size int) error {
	if size == 0 && r.ContentLength > 0 {
		return spent()
	}
	return nil
}

// inflate reads what is compressed in src. The limit holds for both sides:
// without the one on the compressed bytes, empty members of a gzip stream keep
// a server busy for as long as the client cares to send them.
func (s *settings) inflate(src io.Reader, decode decoder, buf []byte) ([]byte, error) {
	in := &limited{src, s.limit, s.limit}
	z, err := decode(in)
	if err != nil {
		return buf, corrupt(err)
	}
	buf, err = readAll(z, -1, s.limit, buf)
	if closeErr := z.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		// Only the end of the body shows that it is whole.
		var n int64
		if n, err = io.Copy(io.Discard, in); n > 0 {
			err = errTrailing
		}
	}
	return buf, corrupt(err)
}

// limited fails with an Error once more than limit bytes were read from it.
type limited struct {
	src         io.Reader
	limit, left int64
}

func (l *limited) Read(p []byte) (int, error) {
	n, err := l.src.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, tooLarge(l.limit)
	}
	if err != nil && err != io.EOF {
		err = &sourceError{err}
	}
	return n, err
}

// A sourceError comes from the client's side of a decoder. What the decoder
// finds wrong itself is never the fault of the connection, though it may have
// the same name: gzip calls a stream that ends early io.ErrUnexpectedEOF.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// readAll reads src to its end into buf, of which it expects size bytes; -1 is
// unknown. A negative limit is none.
func readAll(src io.Reader, size, limit int64, buf []byte) ([]byte, error) {
	// One byte more than declared lets the end be seen without growing.
	if want := int(min(size, firstBuffer)) + 1; size >= 0 && cap(buf) < want {
		buf = make([]byte, 0, want)
	}
	for {
		if len(buf) == cap(buf) {
			buf = grow(buf, size, limit)
		}
		n, err := src.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if limit >= 0 && int64(len(buf)) > limit {
			return buf, tooLarge(limit)
		}
		if err == io.EOF {
			return buf, nil
		}
		if err != nil {
			return buf, err
		}
	}
}

// grow returns buf with room for more, but for no more than one byte beyond
// the limit.
func grow(buf []byte, size, limit int64) []byte {
	want := max(2*int64(cap(buf)), smallBuffer)
	if size >= int64(cap(buf)) {
		want = min(size+1, growth*int64(cap(buf)))
	}
	if limit >= int64(len(buf)) {
		want = min(want, limit+1)
	}
	bigger := make([]byte, len(buf), want)
	copy(bigger, buf)
	return bigger
}
