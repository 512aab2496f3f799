//go:build !go1.27 || !goexperiment.jsonv2

package jsonread

import (
	"bytes"
	"encoding/json"
	"sync"
)

func unmarshal(text []byte, dst any) error { return json.Unmarshal(text, dst) }

// unmarshalStream is unmarshal with a json.Number for every number in an any, and if
// strict without fields that dst does not have. The text is one valid value. Only a
// json.Decoder has these options; it is reused for the next text, with its buffer.
func unmarshalStream(text []byte, dst any, strict bool) error {
	pool := &streams
	if strict {
		pool = &strictStreams
	}
	s := pool.Get().(*stream)
	s.src.Reset(bytes.TrimRight(text, " \t\r\n")) // so that no byte stays in the buffer
	err := s.decoder.Decode(dst)
	if s.src.Reset(nil); len(text) <= keptBytes {
		pool.Put(s)
	}
	return err
}

type stream struct {
	src     bytes.Reader
	decoder *json.Decoder
}

func newStream() *stream {
	s := new(stream)
	s.decoder = json.NewDecoder(&s.src)
	s.decoder.UseNumber()
	return s
}

var (
	streams       = sync.Pool{New: func() any { return newStream() }}
	strictStreams = sync.Pool{New: func() any {
		s := newStream()
		s.decoder.DisallowUnknownFields()
		return s
	}}
)
