package bodyparser

import (
	"net/http"
	"reflect"
	"sync"

	"github.com/apiece/apiece/internal/exchange"
	"github.com/apiece/apiece/internal/reqbody"
)

// Parse reads and checks the body of r. It never answers: a body that is
// refused is returned as an [*Error], which reply.Problem and the OnError of
// other pieces know how to answer. w is what bounds slow and endless bodies,
// and may be nil if there is none at hand.
//
// Afterwards r.Body yields the same bytes once more, and [From] returns the
// Body. If r was parsed already, the Body of that time is returned; the Config
// that was used for it holds, except that Verify is asked as well.
//
// A body that Config.Raw or its multipart type leaves unread gives a Body that
// knows no more than its type, and an r.Body that is limited but otherwise
// untouched.
func Parse(w http.ResponseWriter, r *http.Request, cfg Config) (*Body, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s := cfg.settings()
	if b, ok := From(r); ok {
		return b, s.verify(r, b)
	}
	b := new(Body)
	return b, s.parse(w, r, b)
}

// Borrow is [Parse] for a caller that is done with the body when use returns:
// the memory goes on to another request then. Neither the Body nor what its
// Bytes return may be kept, and r.Body, which yields them while use runs, is
// empty afterwards. The text of a JSON body is not checked in advance, since
// [Body.Decode] finds out. It is what package bind decodes from.
func Borrow(w http.ResponseWriter, r *http.Request, cfg Config, use func(*Body) error) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	s := cfg.settings()
	if b, ok := From(r); ok {
		if err := s.verify(r, b); err != nil {
			return err
		}
		return use(b)
	}
	l := loans.Get().(*loan)
	l.settings = s
	defer l.end()
	b := &l.body
	b.settings, b.raw = &l.settings, l.buf[:0]
	err := b.receive(w, r)
	if cap(b.raw) > cap(l.buf) {
		l.buf = b.raw
	}
	if err != nil {
		return err
	}
	if b.kind != untouched {
		b.header, b.replay.body = r.Header, b
		r.Body = &b.replay
		defer func() { r.Body = http.NoBody }()
	}
	return use(b)
}

// A loan is the memory that Borrow lends.
type loan struct {
	body     Body
	settings settings
	buf      []byte
}

var loans = sync.Pool{New: func() any { return new(loan) }}

// end takes the memory back, except what is too large to keep at hand, and
// what a decoder of somebody else's making may still point into: some return
// strings that share the bytes they were given.
func (l *loan) end() {
	if cap(l.buf) > firstBuffer+1 || l.settings.Unmarshal != nil {
		l.buf = nil
	}
	l.body = Body{}
	l.settings = settings{}
	loans.Put(l)
}

// parse reads the body into b and makes it known to r.
func (s *settings) parse(w http.ResponseWriter, r *http.Request, b *Body) error {
	b.settings = s
	if err := b.receive(w, r); err != nil {
		return err
	}
	if b.kind == untouched {
		return nil
	}
	var err error
	switch b.kind {
	case jsonValue:
		if b.Present() {
			err = s.checkJSON(b.text)
			b.checked = true
		}
	case form:
		_, err = b.Form()
	}
	if err != nil {
		return err
	}
	b.header = r.Header
	b.replay.body = b
	r.Body = &b.replay
	return nil
}

// receive reads the body up to the point where its content matters. The order
// of the checks is fixed: what can be refused by its header is not read.
func (b *Body) receive(w http.ResponseWriter, r *http.Request) error {
	s := b.settings
	b.media = contentType(r.Header)
	if s.Raw {
		b.kind = untouched
		return b.leave(w, r)
	}
	if !b.media.ok {
		return refuse(http.StatusUnsupportedMediaType, "Unsupported media type", errMediaType)
	}
	b.kind = b.media.kind()
	if b.kind == untouched {
		if s.Verify == nil {
			return b.leave(w, r)
		}
		b.kind = text // nothing passes unverified
	}
	enc, err := lookupCharset(b.media.charset)
	if err != nil {
		return err
	}
	decode, err := s.decoder(r.Header)
	if err != nil {
		return err
	}
	if b.raw, err = s.read(w, r, decode, b.raw); err != nil {
		return err
	}
	if decode != nil {
		describeInflated(r, len(b.raw))
	}
	if err := s.verify(r, b); err != nil {
		return err
	}
	b.text, err = toUTF8(b.raw, enc)
	return err
}

// ignores reports whether nothing at all is to be done about the body.
func (s *settings) ignores() bool {
	return s.Raw && s.untouched < 0
}

// leave prepares a request whose body is not read.
func (b *Body) leave(w http.ResponseWriter, r *http.Request) error {
	limit := b.settings.untouched
	if limit < 0 {
		return nil
	}
	if r.ContentLength > limit {
		reqbody.Refuse(w, r)
		return tooLarge(limit)
	}
	if r.Body != nil && r.Body != http.NoBody {
		reqbody.Limit(w, r, limit)
	}
	return nil
}

// verify asks Config.Verify about the body.
func (s *settings) verify(r *http.Request, b *Body) error {
	if s.Verify == nil {
		return nil
	}
	return notVerified(s.Verify(r, b.raw))
}

// describeInflated makes the header of r fit a body that is no longer
// compressed, for handlers that read it again. The header of the request that
// came in belongs to others too, so it is replaced, not changed.
func describeInflated(r *http.Request, size int) {
	r.Header = r.Header.Clone()
	r.Header.Del("Content-Encoding")
	r.Header.Del("Content-Length")
	r.ContentLength = int64(size)
}

// From returns the Body that [New] or [Parse] has read for this request. It
// reports false if there is none: no parser stands in front, or it left the
// body unread.
func From(r *http.Request) (*Body, bool) {
	if p, ok := r.Body.(*replay); ok {
		return p.body, true
	}
	// Somebody may have wrapped r.Body. But a handler may also have made a
	// request of its own within the context of this one, and that request has
	// its own header.
	b, ok := exchange.Get[*Body](r, exchange.Body)
	if ok && r.Header != nil && reflect.ValueOf(b.header).Pointer() == reflect.ValueOf(r.Header).Pointer() {
		return b, true
	}
	return nil, false
}
