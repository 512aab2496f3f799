package bodyparser

import (
	"net/http"
	"sync"
)

// Borrow is [Parse] for a caller that is done with the body when use returns:
// the memory goes on to another request then. Neither the Body nor what its
// Bytes return may be kept, and r.Body, which yields them while use runs, is
// empty afterwards. The text of a JSON body is not checked in advance, since
// [Body.Decode] finds out. It is what package bind decodes from.
func Borrow(w http.ResponseWriter, r *http.Request, cfg Config, use func(*Body) error) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if b, ok := From(r); ok {
		s := cfg.settings()
		if err := s.verify(r, b); err != nil {
			return err
		}
		return use(b)
	}
	l := loans.Get().(*loan)
	l.settings = cfg.settings()
	b := &l.body
	b.settings = &l.settings
	defer func() {
		if r.Body == &b.replay {
			r.Body = http.NoBody
		}
		l.end()
	}()
	// A decoder of somebody else's making may return strings that share the
	// bytes it was given.
	keep := cfg.Unmarshal != nil
	if err := b.receive(w, r, l, keep); err != nil {
		return err
	}
	if b.kind != untouched {
		b.header, b.replay.body = r.Header, b
		r.Body = &b.replay
	}
	return use(b)
}

// A loan is the memory that one body is read into.
type loan struct {
	body     Body
	settings settings
	buf      []byte
}

var loans = sync.Pool{New: func() any { return new(loan) }}

// buffer returns what to read a body of the declared size into. It is made here
// rather than by readAll where that lets it be kept.
func (l *loan) buffer(size int64) []byte {
	if want := int(min(size, firstBuffer)) + 1; cap(l.buf) < want {
		l.buf = make([]byte, 0, max(want, smallBuffer))
	}
	return l.buf[:0]
}

// grown is told what the buffer has become, and keeps it unless it is large.
func (l *loan) grown(raw []byte) {
	if cap(raw) > cap(l.buf) && cap(raw) <= keptBuffer {
		l.buf = raw
	}
}

// end takes the memory back.
func (l *loan) end() {
	l.body = Body{}
	l.settings = settings{}
	loans.Put(l)
}
