package redis

import (
	"encoding/binary"
	"fmt"
	"strings"
	"time"

	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
)

// Processes of several versions read what is kept in Redis during a deployment, other
// programs never. An event is a byte for the format, then the fields in order, each text
// after its length. An event of another format, or a truncated one, counts as absent, and
// so does an entry that cache.Entry does not read.
const eventFormat = 1

// encodeEvent returns the mark, the format and the fields.
func encodeEvent(mark uint64, topic string, e stream.Event) []byte {
	const room = markSize + 1 + 5*binary.MaxVarintLen64
	w := writer(make([]byte, 0, room+len(topic)+len(e.Name)+len(e.Comment)+len(e.Data)))
	w = binary.BigEndian.AppendUint64(w, mark)
	w = append(w, eventFormat)
	w.text(topic, e.Name, e.Comment, e.Data)
	w.number(int64(e.Retry))
	return w
}

func decodeEvent(encoded string) (topic string, e stream.Event, ok bool) {
	if len(encoded) <= markSize || encoded[markSize] != eventFormat {
		return "", e, false
	}
	r := reader{rest: encoded[markSize+1:]}
	topic = r.text()
	e = stream.Event{Name: r.text(), Comment: r.text(), Data: r.text(), Retry: time.Duration(r.number())}
	return topic, e, r.whole()
}

// numberSize is the length of the decimal number before an entry, where the script that
// compares it finds it.
const numberSize = 20

// encodeEntry returns the number and the encoded entry.
func encodeEntry(e *cache.Entry) ([]byte, error) {
	encoded := fmt.Appendf(make([]byte, 0, numberSize+int(e.Size())), "%0*d", numberSize, e.Number)
	return e.AppendBinary(encoded)
}

// decodeEntry returns nil for a number alone, and for what a process of another version
// wrote.
func decodeEntry(encoded []byte) *cache.Entry {
	e := new(cache.Entry)
	if len(encoded) <= numberSize || e.UnmarshalBinary(encoded[numberSize:]) != nil {
		return nil
	}
	return e
}

// A writer appends fields to itself.
type writer []byte

func (w *writer) number(n int64) { *w = binary.AppendVarint(*w, n) }

func (w *writer) text(fields ...string) {
	for _, s := range fields {
		w.number(int64(len(s)))
		*w = append(*w, s...)
	}
}

// A reader reads fields. After the first missing one, all of them are zero.
type reader struct {
	rest   string
	broken bool
}

// whole reports whether all fields were read, and no data is left.
func (r *reader) whole() bool { return !r.broken && r.rest == "" }

func (r *reader) number() int64 {
	// ReadVarint needs bytes; a varint is short, and this copy stays on the stack.
	var buf [binary.MaxVarintLen64]byte
	n, size := binary.Varint(buf[:copy(buf[:], r.rest)])
	if size <= 0 {
		r.rest, r.broken = "", true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *reader) text() (s string) {
	n := r.number()
	if n < 0 || n > int64(len(r.rest)) {
		r.rest, r.broken = "", true
		return ""
	}
	s, r.rest = strings.Clone(r.rest[:n]), r.rest[n:]
	return s
}
