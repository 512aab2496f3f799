package stream

import (
	"encoding/json"
	"fmt"
	"sync"
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

func (buf *buffer) Write(p []byte) (int, error) {
	buf.b = append(buf.b, p...)
	return len(p), nil
}

// encode appends v as one line of JSON: no encoder of JSON leaves a line break
// inside a compact text.
func (buf *buffer) encode(v any) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	return nil
}
