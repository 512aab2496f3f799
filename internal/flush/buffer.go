package flush

import (
	"fmt"
	"sync"

	"github.com/apiece/apiece/internal/jsontext"
)

// A Buffer is borrowed for one write, so that an idle stream holds none.
type Buffer struct{ B []byte }

var buffers = sync.Pool{New: func() any { return &Buffer{make([]byte, 0, 1024)} }}

// Borrow returns an empty Buffer. Free it after use.
func Borrow() *Buffer { return buffers.Get().(*Buffer) }

// Free returns the Buffer to the pool.
func (buf *Buffer) Free() {
	if cap(buf.B) <= 64<<10 {
		buf.B = buf.B[:0]
		buffers.Put(buf)
	}
}

// Encode appends v as one line of JSON.
func (buf *Buffer) Encode(v any) error {
	text, err := jsontext.Encode(v)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	buf.B = append(buf.B, text.Bytes()...)
	text.Release()
	return nil
}
