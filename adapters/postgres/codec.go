package postgres

import (
	"encoding/binary"
	"net/http"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// Processes of several versions read an entry during a deployment, other programs never.
// It is a byte for the format, then the fields in order, each text after its length and
// each list after its count. An entry of another format, or a truncated one, counts as
// absent.
const entryFormat = 1

func encodeEntry(e *cache.Entry) []byte {
	w := writer{make([]byte, 0, e.Size())}
	w.buf = append(w.buf, entryFormat)
	w.text(e.Key)
	w.number(int64(e.Number))
	w.list(e.Tags)
	w.list(e.Vary)
	w.number(int64(e.Status))
	w.number(int64(len(e.Header)))
	for name, values := range e.Header {
		w.text(name)
		w.list(values)
	}
	w.number(int64(len(e.Body)))
	w.buf = append(w.buf, e.Body...)
	w.number(e.Created.UnixNano())
	w.number(int64(e.Policy.TTL))
	w.number(int64(e.Policy.StaleWhileRevalidate))
	w.number(int64(e.Policy.StaleIfError))
	if e.Policy.Public {
		w.number(1)
	} else {
		w.number(0)
	}
	return w.buf
}

// decodeEntry returns nil for anything but an entry of this format. The body of the
// result aliases encoded.
func decodeEntry(encoded []byte) *cache.Entry {
	if len(encoded) == 0 || encoded[0] != entryFormat {
		return nil
	}
	r := reader{rest: encoded[1:]}
	e := &cache.Entry{
		Key:    string(r.bytes()),
		Number: uint64(r.number()),
		Tags:   r.list(),
		Vary:   r.list(),
		Status: int(r.number()),
	}
	if n := r.count(); n > 0 {
		e.Header = make(http.Header, n)
		for range n {
			name := string(r.bytes())
			e.Header[name] = r.list()
		}
	}
	e.Body = r.bytes()
	e.Created = time.Unix(0, r.number())
	e.Policy = cache.Policy{
		TTL:                  time.Duration(r.number()),
		StaleWhileRevalidate: time.Duration(r.number()),
		StaleIfError:         time.Duration(r.number()),
		Public:               r.number() != 0,
	}
	if r.broken || len(r.rest) > 0 {
		return nil
	}
	return e
}

// A writer appends fields.
type writer struct{ buf []byte }

func (w *writer) number(n int64) { w.buf = binary.AppendVarint(w.buf, n) }

func (w *writer) text(s string) {
	w.number(int64(len(s)))
	w.buf = append(w.buf, s...)
}

func (w *writer) list(texts []string) {
	w.number(int64(len(texts)))
	for _, s := range texts {
		w.text(s)
	}
}

// A reader reads fields. After the first missing one, all of them are empty.
type reader struct {
	rest   []byte
	broken bool
}

func (r *reader) number() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.rest, r.broken = nil, true
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

// count returns a number of bytes or fields for which there is data left.
func (r *reader) count() int {
	n := r.number()
	if n < 0 || n > int64(len(r.rest)) {
		r.rest, r.broken = nil, true
		return 0
	}
	return int(n)
}

func (r *reader) bytes() (b []byte) {
	n := r.count()
	b, r.rest = r.rest[:n:n], r.rest[n:]
	return b
}

func (r *reader) list() (texts []string) {
	n := r.count()
	if n == 0 {
		return nil
	}
	texts = make([]string, 0, n)
	for range n {
		texts = append(texts, string(r.bytes()))
	}
	return texts
}
