package postgres

import (
	"encoding/binary"
	"net/http"
	"time"

	"github.com/apiece/apiece/middleware/cache"
)

// An entry is read by processes of several versions while a deployment is under
// way, and by other programs never. It is a byte that changes with the format, then
// the fields in order, each text behind its length and each list behind its count.
// What has another format, or is not whole, is as good as absent.
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

// decodeEntry returns nil for what is no entry of this format. What it returns has
// its body in encoded.
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

// A writer puts fields behind what it has.
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

// A reader takes fields off what it has. After the first that is not there, all
// of them are empty.
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

// count returns a number of bytes or fields that what is left has room for.
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
