package bodyparser

import (
	"net/http"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
)

// Borrow is [Parse] for a caller that is done with the body when use returns:
// the memory goes on to another request then. Neither the Body nor what its
// Bytes return may be kept, and r.Body, which yields them while use runs, is
// empty afterwards: parsing it again gives an error, and the error of use if
// there is one. The text of a JSON body is not checked in advance, since
// [Body.Decode] finds out. It is what package bind decodes from.
func Borrow(w http.ResponseWriter, r *http.Request, cfg Config, use func(*Body) error) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	if b, ok := earlier(r, exchange.Find(r.Context())); ok {
		s := cfg.settings()
		if err := s.verify(r, b); err != nil {
			return err
		}
		return use(b)
	}
	if err := readable(r); err != nil {
		return err
	}
	l := loans.Get().(*loan)
	defer l.end()
	l.settings = cfg.settings()
	b := &l.body
	b.settings = &l.settings
	err := b.lend(w, r, l, use)
	if err != nil {
		r.Body = &refused{err}
	}
	return err
}

// lend reads the body, and lets use have it.
func (b *Body) lend(w http.ResponseWriter, r *http.Request, l *loan, use func(*Body) error) error {
	// A decoder of somebody else's making may return strings that share the
	// bytes it was given.
	keep := b.settings.Unmarshal != nil
	if err := b.receive(w, r, l, keep); err != nil {
		return err
	}
	if b.kind == untouched {
		return use(b)
	}
	// Apart from what is lent: a copy of the request may be read for longer.
	p := &replay{body: b}
	r.Body = p
	defer func() {
		if p.body = nil; !b.Present() && r.Body == p {
			r.Body = http.NoBody
		}
	}()
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
