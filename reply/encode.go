package reply

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
)

// An encoder is a JSON encoder with the buffer it writes to.
type encoder struct {
	buf bytes.Buffer
	enc *json.Encoder
}

// Answers are mostly small and made often, and neither buffer nor encoder
// outlives the call that writes them out.
var encoders = sync.Pool{New: func() any {
	e := new(encoder)
	e.enc = json.NewEncoder(&e.buf)
	e.enc.SetEscapeHTML(false)
	return e
}}

// maxPooled is the size above which a buffer is left to the collector, so that
// one large answer does not stay in memory for ever.
const maxPooled = 64 << 10

// encode returns an encoder that holds the JSON text of v, until it is released.
// One that panicked is not used again.
func encode(v any) (e *encoder, err error) {
	e = encoders.Get().(*encoder)
	defer func() {
		if p := recover(); p != nil {
			e, err = nil, fmt.Errorf("encoding %T: panic: %v", v, p)
		}
	}()
	if err := e.enc.Encode(v); err != nil {
		e.release()
		return nil, err
	}
	return e, nil
}

var newline = []byte("\n")

func (e *encoder) text() []byte { return bytes.TrimSuffix(e.buf.Bytes(), newline) }

func (e *encoder) release() {
	if e.buf.Cap() <= maxPooled {
		e.buf.Reset()
		encoders.Put(e)
	}
}
