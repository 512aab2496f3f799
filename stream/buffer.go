package stream

import (
	"fmt"
	"sync"

	"github.com/apiece/apiece/internal/jsontext"
)

// A buffer is borrowed for the time of one Send, so that a stream that is idle
// holds none.
type buffer struct{ b []byte }

var buffers = sync.Pool{New: func() any { return &buffer{make([]byte, 0, 1024)} }}

func (buf *buffer) free() {
	if cap(buf.b) <= 64<<10 {
		buf.b = buf.b[:0]
		buffers.Put(buf)
	}
}

// encode appends v as JSON, which is one line.
func (buf *buffer) encode(v any) error {
	text, err := jsontext.Encode(v)
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	buf.b = append(buf.b, text.Bytes()...)
	text.Release()
	return nil
}
