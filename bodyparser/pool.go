package bodyparser

import (
	"net/http"

	"github.com/apiece/apiece/internal/requestbody"
)

// keptBuffer is the largest buffer that is kept for the next request.
const keptBuffer = 256 << 10

// A memory is what one body is read into. The next request reuses the buffer, and
// a pooled body with its parser.
type memory struct {
	body   Body
	parser parser
	replay *replay // yields a pooled body
	buf    []byte
}

// memoryOf returns the memory that belongs to a writer.
func memoryOf(w *requestbody.PooledWriter) *memory {
	m, ok := w.Memory.(*memory)
	if !ok {
		m = new(memory)
		w.Memory = m
	}
	return m
}

// buffer returns the buffer for a body of the declared size. It is made here
// rather than in readAll if it can be kept.
func (m *memory) buffer(size int64) []byte {
	if want := int(min(size, firstBuffer)) + 1; cap(m.buf) < want {
		m.buf = make([]byte, 0, max(want, smallBuffer))
	}
	return m.buf[:0]
}

// keep takes back the buffer after use, and keeps it unless it is large.
func (m *memory) keep(raw []byte) {
	if cap(raw) > cap(m.buf) && cap(raw) <= keptBuffer {
		m.buf = raw
	}
}

// Release implements the Memory of a [requestbody.PooledWriter].
func (m *memory) Release(r *http.Request, err error) {
	if m.body.parser == nil {
		return // only the buffer was used
	}
	if p := m.replay; p != nil {
		if p.body = nil; !m.body.Present() && r.Body == p {
			r.Body = http.NoBody
		}
	}
	if err != nil {
		r.Body = &refused{err}
	}
	*m = memory{buf: m.buf}
}
