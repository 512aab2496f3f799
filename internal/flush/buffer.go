package flush

import (
	"fmt"
	"sync"

	"github.com/apiece/apiece/internal/jsontext"
)

// A Buffer is borrowed for the time of one write, so that a stream that is idle
// holds none.
type Buffer struct{ B []byte }

var buffers = sync.Pool{New: func() any { return &Buffer{make([]byte, 0, 1024)} }}

// Borrow returns an empty Buffer, to be freed after use.
func Borrow() *Buffer { return buffers.Get().(*Buffer) }

// Free gives the Buffer back.
func (buf *Buffer) Free() {
	if cap(buf.B) <= 64<<10 {
		buf.B = buf.B[:0]
		buffers.Put(buf)
	}
}

// Encode appends v as JSON, which is one line.
func (buf *Buffer) Encode(v any) error {
	text, err := jsontext.Encode(v)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	buf.B = append(buf.B, text.Bytes()...)
	text.Release()
	return nil
}
