//go:build !go1.27 || !goexperiment.jsonv2

package bodyparser

import (
	"bytes"
	"encoding/json"
	"sync"
)

// unmarshal is the decoder for JSON if the Config has none.
func unmarshal(data []byte, dst any) error { return json.Unmarshal(data, dst) }

// unmarshalNumbers is unmarshal, with a json.Number for every number in an any.
// The text is one value that is known to be valid. Only a json.Decoder has the
// option; it and its buffer go on to the next text.
func unmarshalNumbers(text []byte, dst any) error {
	n := numberings.Get().(*numbering)
	n.src.Reset(bytes.TrimRight(text, " \t\r\n")) // of which nothing stays in the buffer
	err := n.decoder.Decode(dst)
	if n.src.Reset(nil); len(text) <= keptBuffer {
		numberings.Put(n)
	}
	return err
}

type numbering struct {
	src     bytes.Reader
	decoder *json.Decoder
}

var numberings = sync.Pool{New: func() any {
	n := new(numbering)
	n.decoder = json.NewDecoder(&n.src)
	n.decoder.UseNumber()
	return n
}}
