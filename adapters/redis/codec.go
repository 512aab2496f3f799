package redis

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/apiece/apiece/middleware/cache"
	"github.com/apiece/apiece/stream"
)

// Processes of several versions read what is kept in Redis during a deployment, other
// programs never. The encoding is a byte for the format, then the fields in order, each
// text after its length, each list after its count. A value of another format, or a
// truncated one, counts as absent.
const (
	eventFormat = 1
	entryFormat = 1
)

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

// numberSize is the length of the decimal number at the beginning of an entry, where the
// script that compares it finds it.
const numberSize = 20

// encodeEntry returns the number, the format and the other fields.
func encodeEntry(e *cache.Entry) []byte {
	w := writer(make([]byte, 0, e.Size()))
	w = fmt.Appendf(w, "%0*d", numberSize, e.Number)
	w = append(w, entryFormat)
	w.text(e.Key)
	w.list(e.Tags)
	w.list(e.Vary)
	w.number(int64(e.Status))
	w.number(int64(len(e.Header)))
	for name, values := range e.Header {
		w.text(name)
		w.list(values)
	}
	w.text(string(e.Body))
	w.number(e.Created.UnixNano())
	p := e.Policy
	for _, d := range []time.Duration{p.TTL, p.StaleWhileRevalidate, p.StaleIfError} {
		w.number(int64(d))
	}
	public := int64(0)
	if p.Public {
		public = 1
	}
	w.number(public)
	return w
}

// decodeEntry returns nil for anything but an entry of this format.
func decodeEntry(encoded string) *cache.Entry {
	if len(encoded) <= numberSize || encoded[numberSize] != entryFormat {
		return nil
	}
	e := &cache.Entry{}
	if _, err := fmt.Sscanf(encoded[:numberSize], "%d", &e.Number); err != nil {
		return nil
	}
	r := reader{rest: encoded[numberSize+1:]}
	e.Key = r.text()
	e.Tags, e.Vary = r.list(), r.list()
	e.Status = int(r.number())
	if n := r.count(); n > 0 {
		e.Header = make(http.Header, n)
		for range n {
			name := r.text()
			e.Header[name] = r.list()
		}
	}
	e.Body = []byte(r.text())
	e.Created = time.Unix(0, r.number())
	e.Policy = cache.Policy{
		TTL:                  time.Duration(r.number()),
		StaleWhileRevalidate: time.Duration(r.number()),
		StaleIfError:         time.Duration(r.number()),
		Public:               r.number() != 0,
	}
	if !r.whole() {
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

func (w *writer) list(fields []string) {
	w.number(int64(len(fields)))
	w.text(fields...)
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

// count returns a number of bytes or fields for which there is data left.
func (r *reader) count() int {
	n := r.number()
	if n < 0 || n > int64(len(r.rest)) {
		r.rest, r.broken = "", true
		return 0
	}
	return int(n)
}

func (r *reader) text() (s string) {
	n := r.count()
	s, r.rest = strings.Clone(r.rest[:n]), r.rest[n:]
	return s
}

func (r *reader) list() (fields []string) {
	n := r.count()
	if n == 0 {
		return nil
	}
	fields = make([]string, 0, n)
	for range n {
		fields = append(fields, r.text())
	}
	return fields
}
